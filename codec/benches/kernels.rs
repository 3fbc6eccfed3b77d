//! Every kernel that has vector code, beside its definition:
//! `cargo bench -p oyster-codec --features bench-kernels --bench kernels`.

use criterion::{Criterion, criterion_group, criterion_main};
use oyster_codec::kernel_cases;
use std::time::Duration;

fn kernels(criterion: &mut Criterion) {
    for mut case in kernel_cases::all() {
        let mut group = criterion.benchmark_group(case.name);
        // Each takes well under a microsecond: a tenth of a second is a hundred thousand of them.
        group.warm_up_time(Duration::from_millis(30)).measurement_time(Duration::from_millis(100)).sample_size(20);
        group.bench_function("vector", |bencher| bencher.iter(|| (case.vector)()));
        group.bench_function("scalar", |bencher| bencher.iter(|| (case.scalar)()));
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
