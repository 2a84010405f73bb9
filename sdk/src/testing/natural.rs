//! The order in which people list things: numbers within texts by value.

use std::cmp::Ordering;

/// Compares two texts, runs of digits (with a minus before them, where no letter or digit stands before that) by their value.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Tokens { left: a, after_word: false }, Tokens { left: b, after_word: false });
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) if a != b => return a.cmp(&b),
            _ => {}
        }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Number(i128),
    Char(char),
}

struct Tokens<'a> {
    left: &'a str,
    after_word: bool,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let first = self.left.chars().next()?;
        let sign = usize::from(first == '-' && !self.after_word);
        let digits = self.left[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let (token, rest) = match self.left[..sign + digits].parse() {
            Ok(number) if digits > 0 => (Token::Number(number), &self.left[sign + digits..]),
            _ => (Token::Char(first), &self.left[first.len_utf8()..]),
        };
        self.after_word = matches!(token, Token::Number(_)) || first.is_alphanumeric();
        self.left = rest;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_value() {
        let mut texts =
            ["(\"b\", 2)", "(\"a\", 10)", "(\"a\", -3)", "(\"a\", 9)", "(\"a\", -20)", "2020-11-2", "2020-9-2"];
        texts.sort_by(|a, b| natural(a, b));
        assert_eq!(
            texts,
            ["2020-9-2", "2020-11-2", "(\"a\", -20)", "(\"a\", -3)", "(\"a\", 9)", "(\"a\", 10)", "(\"b\", 2)"]
        );
    }
}
