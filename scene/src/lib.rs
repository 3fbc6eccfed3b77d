//! Moving pictures without a camera: seeded synthetic scenes for the demo and for tests.
