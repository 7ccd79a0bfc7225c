//! Valid HTTP of clients and servers passes as without a proxy.

mod early;
mod grpc;
mod old_clients;
mod retries;
mod semantics;
mod unprocessed;
mod websocket;
