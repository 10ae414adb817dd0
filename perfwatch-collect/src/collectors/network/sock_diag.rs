//! TCP sockets from the kernel's `sock_diag` netlink interface (sock_diag(7)).
//!
//! It answers for the network namespace of whoever asks, in binary, at a tenth of what
//! `/proc/net/tcp` costs. [`count`] asks; [`read_answer`] only looks at bytes.

use std::{io, os::fd::AsRawFd};

use nix::sys::{
    socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
        sockopt::ReceiveTimeout,
    },
    time::TimeVal,
};

use super::connections::Connections;

/// The kernel packs as many sockets into one answer as fit (at most 32 KiB).
const ANSWER_BYTES: usize = 1 << 16;

/// A dump that the kernel had to begin anew is asked for again this often.
const ATTEMPTS: usize = 3;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const ANSWER_ERROR: u16 = 2;
const ANSWER_DONE: u16 = 3;
const REQUEST: u16 = 0x1;
const DUMP: u16 = 0x300;
const DUMP_INTERRUPTED: u16 = 0x10;
const HEADER: usize = 16;

/// Every state up to the request without a socket (`TCP_NEW_SYN_RECV`, 12): what
/// `/proc/net/tcp` lists.
const ALL_STATES: u32 = (1 << 13) - 2;

/// What an answer of the kernel means for its reader.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
    /// Sockets changed while they were listed: some are missing or stand twice.
    Interrupted,
}

/// Counts all TCP sockets of the reader's network namespace by state.
pub(super) fn count() -> io::Result<Connections> {
    let mut connections = Connections::default();
    count_family(AddressFamily::Inet, &mut connections)?;
    // A kernel without IPv6 refuses this one.
    let _ = count_family(AddressFamily::Inet6, &mut connections);
    Ok(connections)
}

fn count_family(family: AddressFamily, connections: &mut Connections) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let mut found = *connections;
        if dump(family, &mut found)? == Progress::Done {
            *connections = found;
            return Ok(());
        }
    }
    Err(io::Error::other("the list of sockets changed while the kernel made it"))
}

fn dump(family: AddressFamily, connections: &mut Connections) -> io::Result<Progress> {
    let protocol = SockProtocol::NetlinkSockDiag;
    let netlink = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    setsockopt(&netlink, ReceiveTimeout, &TimeVal::new(5, 0))?;
    send(netlink.as_raw_fd(), &request(family), MsgFlags::empty())?;
    let mut answer = vec![0; ANSWER_BYTES];
    loop {
        let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        match read_answer(answer.get(..length).unwrap_or_default(), connections)? {
            Progress::More => {}
            end => return Ok(end),
        }
    }
}

/// A header (`struct nlmsghdr`) and the question (`struct inet_diag_req_v2`), which leaves the
/// socket's addresses open: all of them.
fn request(family: AddressFamily) -> [u8; HEADER + 56] {
    const TCP: u8 = 6;
    let mut bytes = [0; HEADER + 56];
    let mut put = |at: usize, value: &[u8]| {
        for (slot, byte) in bytes.iter_mut().skip(at).zip(value) {
            *slot = *byte;
        }
    };
    put(0, &((HEADER + 56) as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &(REQUEST | DUMP).to_ne_bytes());
    put(HEADER, &[family as i32 as u8, TCP]);
    put(HEADER + 4, &ALL_STATES.to_ne_bytes());
    bytes
}

/// Counts the sockets of one answer, which holds many messages.
fn read_answer(mut bytes: &[u8], connections: &mut Connections) -> io::Result<Progress> {
    let cut = || io::Error::new(io::ErrorKind::InvalidData, "an answer of netlink was cut short");
    if bytes.is_empty() {
        return Err(cut());
    }
    while !bytes.is_empty() {
        let length = number(bytes, 0).map(u32::from_ne_bytes).ok_or_else(cut)? as usize;
        let kind = number(bytes, 4).map(u16::from_ne_bytes).ok_or_else(cut)?;
        let flags = number(bytes, 6).map(u16::from_ne_bytes).ok_or_else(cut)?;
        let body = bytes.get(HEADER..length).ok_or_else(cut)?;
        if flags & DUMP_INTERRUPTED != 0 {
            return Ok(Progress::Interrupted);
        }
        match kind {
            // Both begin with an error's number below zero, or 0 where all is well.
            ANSWER_DONE | ANSWER_ERROR => {
                let error = number(body, 0).map_or(0, i32::from_ne_bytes);
                let refused = || io::Error::from_raw_os_error(error.saturating_neg());
                return if error < 0 { Err(refused()) } else { Ok(Progress::Done) };
            }
            // `struct inet_diag_msg`: the second byte is the state.
            SOCK_DIAG_BY_FAMILY => {
                connections.add(usize::from(*body.get(1).ok_or_else(cut)?));
            }
            _ => {}
        }
        // Messages begin at multiples of four.
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(Progress::More)
}

/// The bytes of a number at a place.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn socket_in(state: u8) -> Vec<u8> {
        let mut body = [0; 72];
        (body[0], body[1]) = (2, state);
        message(SOCK_DIAG_BY_FAMILY, 2, &body)
    }

    fn read(answer: &[u8]) -> (io::Result<Progress>, Connections) {
        let mut connections = Connections::default();
        (read_answer(answer, &mut connections), connections)
    }

    fn counted(states: &[usize]) -> Connections {
        let mut connections = Connections::default();
        states.iter().for_each(|state| connections.add(*state));
        connections
    }

    #[test]
    fn sockets_are_counted_until_the_kernel_is_done() {
        let sockets = [socket_in(1), socket_in(10), socket_in(1)].concat();
        let (progress, seen) = read(&sockets);
        assert_eq!((progress.unwrap(), seen), (Progress::More, counted(&[1, 1, 10])));
        let last = [socket_in(6), message(ANSWER_DONE, 2, &[0; 4]), socket_in(6)].concat();
        let (progress, seen) = read(&last);
        assert_eq!((progress.unwrap(), seen), (Progress::Done, counted(&[6])));
    }

    #[test]
    fn a_refusal_is_the_kernels_error() {
        let refusal = message(ANSWER_ERROR, 0, &(-nix::libc::ENOENT).to_ne_bytes());
        assert_eq!(read(&refusal).0.unwrap_err().raw_os_error(), Some(nix::libc::ENOENT));
        let most = message(ANSWER_DONE, 0, &i32::MIN.to_ne_bytes());
        assert!(read(&most).0.is_err());
    }

    #[test]
    fn an_interrupted_list_is_not_taken_for_whole() {
        let answer = [socket_in(1), message(ANSWER_DONE, DUMP_INTERRUPTED, &[0; 4])].concat();
        assert_eq!(read(&answer).0.unwrap(), Progress::Interrupted);
    }

    #[test]
    fn what_is_cut_or_strange_is_an_error_and_no_panic() {
        let whole = [socket_in(1), socket_in(200), message(99, 0, &[]), socket_in(11)].concat();
        assert_eq!(read(&whole).1, counted(&[1, 11]));
        let ends = [0, 88, 176, 192];
        for cut in 0..whole.len() {
            let fine = cut > 0 && ends.contains(&cut);
            assert_eq!(read(&whole[..cut]).0.is_ok(), fine, "cut at {cut}");
        }
        for length in [0_u32, 15, 17, u32::MAX] {
            let mut odd = socket_in(1);
            odd[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(read(&odd).0.is_err(), "a message of {length} bytes");
        }
    }
}
