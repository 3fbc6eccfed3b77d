//! Who we are: a key and the certificate that names it, made once and kept in the configuration folder, for its owner alone.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use oyster_signalling::Fingerprint;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A key and its certificate.
#[derive(Debug)]
pub struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// The identity kept in `folder`; a new one if there is none.
    ///
    /// # Errors
    /// When the file cannot be read, is no identity, or is open to others; or a new one cannot be kept.
    pub fn load_or_create(folder: &Path) -> Result<Self, IdentityError> {
        let path = folder.join(FILE_NAME);
        let failed = |source| IdentityError::File { path: path.clone(), source };
        match fs::metadata(&path) {
            Ok(about) if about.permissions().mode() & 0o077 != 0 => return Err(IdentityError::Exposed { path }),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(failed)?;
                create(folder, &path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        let text = fs::read(&path).map_err(failed)?;
        let parts = (CertificateDer::from_pem_slice(&text), PrivateKeyDer::from_pem_slice(&text));
        let (Ok(certificate), Ok(key)) = parts else { return Err(IdentityError::Damaged { path }) };
        Ok(Self { certificate, key })
    }

    /// Its name.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    pub(super) fn clone_key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

/// Writes a new identity beside its place, readable for nobody else from the first byte on, and then puts it there unless
/// another process was faster.
fn create(folder: &Path, path: &Path) -> io::Result<()> {
    let key = KeyPair::generate_for(&PKCS_ED25519).map_err(io::Error::other)?;
    // Nobody reads the certificate's words: it is known by its hash.
    let certificate = CertificateParams::default().self_signed(&key).map_err(io::Error::other)?;
    let beside = folder.join(format!("{FILE_NAME}.{}.part", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let written = file.write_all((certificate.pem() + &key.serialize_pem()).as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&beside, path));
    fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Why there is no identity.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdentityError {
    /// It cannot be read, or a new one cannot be written.
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    Exposed {
        /// Where.
        path: PathBuf,
    },
    /// It is not what we wrote.
    Damaged {
        /// Where.
        path: PathBuf,
    },
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, source } => {
                write!(f, "{}: the identity cannot be read or made: {source}", path.display())
            }
            Self::Exposed { path } => {
                let path = path.display();
                write!(f, "{path}: others may read this key: `chmod 600 {path}`, or delete it to become someone new")
            }
            Self::Damaged { path } => {
                write!(f, "{}: damaged: delete it to become someone new, whom nobody knows", path.display())
            }
        }
    }
}

impl std::error::Error for IdentityError {}

const FILE_NAME: &str = "identity.pem";

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("oyster-identity-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn an_identity_stays_and_is_for_its_owner_alone() {
        let folder = folder("stays");
        let first = Identity::load_or_create(&folder).unwrap().fingerprint();
        assert_eq!(Identity::load_or_create(&folder).unwrap().fingerprint(), first);
        assert_eq!(fs::metadata(folder.join(FILE_NAME)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn two_at_once_become_the_same() {
        let folder = folder("race");
        fs::create_dir_all(&folder).unwrap();
        create(&folder, &folder.join(FILE_NAME)).unwrap();
        let first = Identity::load_or_create(&folder).unwrap().fingerprint();
        create(&folder, &folder.join(FILE_NAME)).unwrap();
        assert_eq!(Identity::load_or_create(&folder).unwrap().fingerprint(), first);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_and_so_is_a_damaged_one() {
        let folder = folder("exposed");
        Identity::load_or_create(&folder).unwrap();
        let path = folder.join(FILE_NAME);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Identity::load_or_create(&folder), Err(IdentityError::Exposed { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"hello").unwrap();
        assert!(matches!(Identity::load_or_create(&folder), Err(IdentityError::Damaged { .. })));
        fs::remove_dir_all(folder).unwrap();
    }
}
