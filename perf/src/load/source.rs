//! Sockets of clients, spread over source addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

/// Source addresses on loopback, from 127.0.0.1 on. Linux has some 28,000 ports for connections of one address.
const ADDRESSES: u32 = 8;

/// Begins to connect without waiting; the socket gets writable once it is connected.
pub fn connect(address: SocketAddr, number: u32) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    if let IpAddr::V4(ip) = address.ip()
        && ip.is_loopback()
    {
        let source = Ipv4Addr::new(127, 0, 0, 1 + (number % ADDRESSES) as u8);
        socket.bind(&SocketAddrV4::new(source, 0).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(socket.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn clients_come_from_all_addresses() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<TcpStream> = (0..2 * ADDRESSES)
            .map(|number| connect(address, number).unwrap())
            .collect();
        let sources: HashSet<IpAddr> = clients.iter().map(|_| listener.accept().unwrap().1.ip()).collect();
        assert_eq!(sources.len(), ADDRESSES as usize);
    }
}
