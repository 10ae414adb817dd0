//! Whether a request comes from a web page that may use the API.

use axum::http::{HeaderMap, header};

/// Whether the page that sent this request is this daemon's own or one of the allowed. Programs
/// other than browsers send no `Origin` and are not pages.
pub(crate) fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Ok(origin) = origin.to_str() else { return false };
    let own = origin.split_once("://").is_some_and(|(_, page)| page.eq_ignore_ascii_case(host));
    let listed = allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
    (own || listed) && origins.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "watch.example:8000".parse().unwrap());
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        is_allowed(&headers, &["https://ops.example".to_owned()])
    }

    #[test]
    fn the_own_page_and_listed_ones_may() {
        assert!(is_allowed(&HeaderMap::new(), &[]));
        assert!(check("http://watch.example:8000") && check("https://ops.example"));
        assert!(!check("http://watch.example:8001") && !check("http://evil.example"));
        assert!(!check("null") && !check("") && !check("http://ops.example"));
    }
}
