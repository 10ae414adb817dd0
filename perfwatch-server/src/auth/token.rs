//! Access tokens: JWTs signed with a secret that never leaves this host.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user's name.
    pub(crate) sub: String,
    /// The session's own name, by which it can be ended.
    pub(crate) jti: String,
    /// When it was made, in seconds since 1970.
    pub(crate) iat: u64,
    /// When it ends, in seconds since 1970.
    pub(crate) exp: u64,
    /// Which of the account's passwords it was made with.
    pub(crate) generation: i64,
}

/// Makes and reads tokens.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

impl Tokens {
    pub(crate) fn new(secret: &[u8], lifetime: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            lifetime,
        }
    }

    /// How long a token lasts.
    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A new token for this user.
    pub(crate) fn issue(
        &self,
        user: &str,
        generation: i64,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now_seconds();
        let jti = format!("{:032x}", rand::rng().random::<u128>());
        let exp = iat + self.lifetime.as_secs();
        let claims = Claims { sub: user.to_owned(), jti, iat, exp, generation };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What a token says, if it is one of ours and has not ended.
    pub(crate) fn read(&self, token: &str) -> Option<Claims> {
        let data = jsonwebtoken::decode(token, &self.decoding, &self.validation).ok()?;
        let claims: Claims = data.claims;
        // The second that a token ends in is no longer its own.
        (claims.exp > now_seconds()).then_some(claims)
    }
}

/// The time in seconds since 1970.
pub(crate) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_by_its_maker_only() {
        let tokens = Tokens::new(b"one secret", Duration::from_secs(60));
        let token = tokens.issue("admin", 3).unwrap();
        let claims = tokens.read(&token).unwrap();
        assert_eq!((claims.sub.as_str(), claims.generation), ("admin", 3));
        assert_eq!(claims.exp - claims.iat, 60);
        assert_eq!(Tokens::new(b"another", Duration::from_secs(60)).read(&token), None);
        assert_eq!(tokens.read(""), None);
    }

    #[test]
    fn a_token_that_has_ended_or_is_not_signed_is_not_read() {
        let tokens = Tokens::new(b"one secret", Duration::ZERO);
        assert_eq!(tokens.read(&tokens.issue("admin", 0).unwrap()), None);
        // {"alg":"none"} with otherwise good claims.
        let claims = "eyJzdWIiOiJhZG1pbiIsImp0aSI6IngiLCJpYXQiOjAsImV4cCI6OTk5OTk5OTk5OSwiZ2VuZXJhdGlvbiI6MH0";
        assert_eq!(tokens.read(&format!("eyJhbGciOiJub25lIn0.{claims}.")), None);
    }
}
