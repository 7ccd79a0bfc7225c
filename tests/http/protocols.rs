//! What clients and servers may say by the rules of HTTP passes as if the proxy were not there.

mod early;
mod grpc;
mod old_clients;
mod retries;
mod semantics;
mod websocket;
