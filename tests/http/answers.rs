//! Answers as servers give them: the client gets what was meant, framed once, or a 502.

mod framing;
mod heads;
mod interim;
