//! Whose request it is that a proxy passes on.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// Whoever asks: the peer, or, where that is a trusted proxy, whom it says in `X-Forwarded-For`.
/// Each proxy appends whom it saw, so the list is read from its end, as long as trusted proxies
/// said it; what stands before may be made up.
pub(crate) fn asker(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    // What cannot be read names nobody, and ends the list.
    let lines = lines.map(|line| line.to_str().unwrap_or_default());
    let said = lines.flat_map(|line| line.rsplit(',')).map_while(|text| address(text.trim()));
    let mut asker = peer;
    for address in said {
        if !trusted.contains(&asker) {
            break;
        }
        asker = address;
    }
    asker
}

/// Some proxies name the port as well.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    Some(text.parse().ok().or_else(with_port)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for &line in lines {
            headers.append("x-forwarded-for", line.try_into().unwrap());
        }
        let trusted = ["127.0.0.1", "10.0.0.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        asker(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_trusted_proxy_says_who_asks_and_nobody_else_does() {
        assert_eq!(check("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(check("127.0.0.1", &[b"192.0.2.7"]), "192.0.2.7");
        assert_eq!(check("192.0.2.1", &[b"192.0.2.7"]), "192.0.2.1");
        assert_eq!(check("127.0.0.1", &[b"192.0.2.7:4000"]), "192.0.2.7");
        assert_eq!(check("127.0.0.1", &[b"[2001:db8::7]:4000"]), "2001:db8::7");
        assert_eq!(check("127.0.0.1", &[b"::ffff:192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn what_was_sent_along_is_not_believed() {
        assert_eq!(check("127.0.0.1", &[b"198.51.100.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(check("127.0.0.1", &[b"198.51.100.1", b"192.0.2.7"]), "192.0.2.7");
        assert_eq!(check("127.0.0.1", &[b"10.0.0.1, 192.0.2.7, 10.0.0.1"]), "192.0.2.7");
        assert_eq!(check("127.0.0.1", &[b"198.51.100.1", b"\xff, 2001:db8::1"]), "127.0.0.1");
        assert_eq!(check("127.0.0.1", &[b"198.51.100.1, unknown"]), "127.0.0.1");
        assert_eq!(check("127.0.0.1", &[b"198.51.100.1", b""]), "127.0.0.1");
    }
}
