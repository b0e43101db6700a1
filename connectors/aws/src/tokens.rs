//! A chain of page tokens, and how to notice that it goes in a circle.

use std::collections::HashSet;

/// Where the reading of a paged listing stands.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    next: Option<String>,
    seen: HashSet<String>,
}

/// What the page just read says of the next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was the last.
    Last,
    More,
    /// It names a page that was read before.
    Circle,
}

impl Tokens {
    /// The token of the page to ask for; none for the first.
    pub(crate) fn next(&self) -> Option<String> {
        self.next.clone()
    }

    /// Takes the token a page gave; an empty one is none.
    pub(crate) fn advance(&mut self, token: Option<String>) -> Step {
        self.next = token.filter(|token| !token.is_empty());
        match &self.next {
            None => Step::Last,
            Some(token) if self.seen.insert(token.clone()) => Step::More,
            Some(_) => Step::Circle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_seen() {
        let mut tokens = Tokens::default();
        let mut step = |token: &str| tokens.advance(Some(token.to_owned()));
        assert_eq!(
            [step("a"), step("b"), step("a"), step("")],
            [Step::More, Step::More, Step::Circle, Step::Last]
        );
    }
}
