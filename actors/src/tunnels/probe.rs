//! A tunnel's round trip: a question that the proxy alone can answer.
//!
//! At each start the daemon makes a key, and tells it on the status socket to its own user. A tunnel keeper
//! asks through the VM, on the reserved path, with a number that is new each time; the answer follows from
//! the key and the number. Who has no key can neither ask, because any other path is no proxy request,
//! nor answer; and what was heard once is worth nothing the next time. No secret has a part in it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};

use crate::hex;

/// The reserved path.
const PATH: &str = "/.secret-proxy/tunnel/";

/// The key of one run of the daemon, in hex.
#[derive(Clone, Eq, PartialEq)]
pub struct ProbeKey(String);

/// One question, and the answer that proves who gave it.
pub struct Question {
    /// The path that is asked for.
    pub path: String,
    /// The answer's body.
    pub answer: String,
}

impl std::fmt::Debug for ProbeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProbeKey(..)")
    }
}

impl From<String> for ProbeKey {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl ProbeKey {
    /// A fresh key. None without randomness: then no question is ever answered.
    pub(crate) fn random() -> Option<Self> {
        random_hex().map(Self)
    }

    /// The key as text, for its owner's eyes.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A new question.
    pub fn question(&self) -> Option<Question> {
        let number = random_hex()?;
        Some(Question { path: format!("{PATH}{number}/{}", self.imprint("ask", &number)), answer: self.reply(&number) })
    }

    /// The answer to a path, if it is a question under this key.
    pub(crate) fn answer(&self, path: &str) -> Option<String> {
        let (number, imprint) = path.strip_prefix(PATH)?.split_once('/')?;
        // In constant time: the asker may be the VM, which could measure how far it guessed right.
        verify_slices_are_equal(imprint.as_bytes(), self.imprint("ask", number).as_bytes()).ok()?;
        Some(self.reply(number))
    }

    fn reply(&self, number: &str) -> String {
        format!("{}\n", self.imprint("answer", number))
    }

    fn imprint(&self, purpose: &str, number: &str) -> String {
        let key = Key::new(HMAC_SHA256, self.0.as_bytes());
        hex::encode(sign(&key, format!("{purpose} {number}").as_bytes()).as_ref())
    }
}

fn random_hex() -> Option<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(hex::encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_holder_of_the_key_can_ask_and_each_answer_is_new() {
        let [key, other] = [(); 2].map(|()| ProbeKey::random().expect("random"));
        let [first, second] = [(); 2].map(|()| key.question().expect("random"));
        assert_eq!(key.answer(&first.path), Some(first.answer.clone()));
        assert_ne!(first.answer, second.answer);
        assert_eq!(other.answer(&first.path), None);
        assert_eq!(key, ProbeKey::from(key.as_str().to_owned()));
    }

    #[test]
    fn what_was_heard_does_not_make_another_question() {
        let key = ProbeKey::random().expect("random");
        let [first, second] = [(); 2].map(|()| key.question().expect("random").path);
        let (number, _) = first.rsplit_once('/').expect("two parts");
        let (_, imprint) = second.rsplit_once('/').expect("two parts");
        let forged = [
            format!("{number}/{imprint}"),
            format!("{number}/"),
            number.to_owned(),
            format!("{first}0"),
            first[..first.len() - 1].to_owned(),
            first.to_uppercase(),
            PATH.to_owned(),
            "/".to_owned(),
        ];
        for path in forged {
            assert_eq!(key.answer(&path), None, "{path}");
        }
    }
}
