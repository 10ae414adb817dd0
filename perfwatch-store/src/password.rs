//! What a new password may be, and what is kept in its place: once for all who set one.

use std::ops::RangeInclusive;

use argon2::{
    Argon2,
    password_hash::{Error, PasswordHasher},
};
use rand::RngExt;

/// How many characters a password has.
pub const PASSWORD_LENGTH: RangeInclusive<usize> = 12..=1024;

/// The argon2id hash of a password, as a PHC string. It takes tens of milliseconds and 19 MiB: not
/// for async code.
///
/// # Errors
/// If the system gives no random numbers.
pub fn hash_password(password: &str) -> Result<String, Error> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

/// A password of 20 letters and digits, none of which looks like another: 115 random bits.
pub fn random_password() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    let letters = (0..20).filter_map(|_| ALPHABET.get(rng.random_range(0..ALPHABET.len())));
    letters.map(|&letter| char::from(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_password_is_long_and_never_the_same() {
        assert_eq!(random_password().len(), 20);
        assert!(PASSWORD_LENGTH.contains(&20));
        assert_ne!(random_password(), random_password());
    }
}
