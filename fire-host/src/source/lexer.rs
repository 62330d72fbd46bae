//! Go's tokens, as far as an outline needs them: names, brackets, literals as opaque ranges, and
//! the semicolons that Go inserts (Go spec, section Semicolons).
//!
//! Never fails: an unterminated literal or comment runs to the end of its line or of the file.

/// A kind of token. Operators that an outline does not care for are `Other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Identifier,
    Keyword(Keyword),
    /// A number, a rune or an interpreted string.
    Literal,
    /// A string, interpreted or raw.
    Text,
    /// Written or inserted.
    Semicolon,
    /// `(`, `[` or `{`.
    Open(u8),
    /// `)`, `]` or `}`.
    Close(u8),
    Comma,
    /// A single period.
    Period,
    /// `=`, not `==` or `:=`.
    Assign,
    Star,
    Other,
    Comment,
    End,
}

/// The keywords that an outline or the semicolon rule tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Package,
    Import,
    Const,
    Var,
    Type,
    Func,
    Interface,
    /// `break`, `continue`, `fallthrough` and `return`: a line may end after them.
    Ending,
    Else,
}

/// A token and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Reads tokens one after the other.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    /// A newline here ends the statement.
    line_may_end: bool,
}

impl<'a> Lexer<'a> {
    /// Over `bytes[start..end]`; positions stay those of `bytes`.
    pub(super) fn new(bytes: &'a [u8], start: usize, end: usize) -> Self {
        let end = end.min(bytes.len());
        Self {
            bytes,
            at: start.min(end),
            end,
            line_may_end: false,
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        let at = self.at + ahead;
        if at < self.end { self.bytes[at] } else { 0 }
    }

    /// The next token; comments are tokens, and `End` repeats.
    pub(super) fn next(&mut self) -> Token {
        loop {
            let start = self.at;
            if start >= self.end {
                return self.at_end(start);
            }
            match self.bytes[start] {
                b'\n' => {
                    self.at += 1;
                    if std::mem::take(&mut self.line_may_end) {
                        return Token {
                            kind: Kind::Semicolon,
                            start,
                            end: start,
                        };
                    }
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'/' if self.peek(1) == b'/' => return self.line_comment(start),
                b'/' if self.peek(1) == b'*' => {
                    if let Some(token) = self.block_comment(start) {
                        return token;
                    }
                }
                _ => return self.token(start),
            }
        }
    }

    fn at_end(&mut self, start: usize) -> Token {
        let kind = if std::mem::take(&mut self.line_may_end) {
            Kind::Semicolon
        } else {
            Kind::End
        };
        Token {
            kind,
            start,
            end: start,
        }
    }

    fn line_comment(&mut self, start: usize) -> Token {
        self.skip_until(|byte| byte == b'\n');
        Token {
            kind: Kind::Comment,
            start,
            end: self.at,
        }
    }

    /// A comment that spans lines acts like a newline: then the semicolon comes first, and the
    /// comment is read again.
    fn block_comment(&mut self, start: usize) -> Option<Token> {
        let body = &self.bytes[start + 2..self.end];
        let length = body
            .windows(2)
            .position(|pair| pair == b"*/")
            .map_or(body.len(), |at| at + 2);
        let end = start + 2 + length;
        if self.line_may_end && self.bytes[start..end].contains(&b'\n') {
            self.line_may_end = false;
            return Some(Token {
                kind: Kind::Semicolon,
                start,
                end: start,
            });
        }
        self.at = end;
        Some(Token {
            kind: Kind::Comment,
            start,
            end,
        })
    }

    fn token(&mut self, start: usize) -> Token {
        let byte = self.bytes[start];
        let kind = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(start),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            b'"' => self.quoted(b'"', Kind::Text),
            b'\'' => self.quoted(b'\'', Kind::Literal),
            b'`' => self.raw(),
            _ => self.operator(byte),
        };
        self.line_may_end = match kind {
            Kind::Identifier | Kind::Literal | Kind::Text | Kind::Close(_) => true,
            Kind::Keyword(keyword) => keyword == Keyword::Ending,
            Kind::Other => matches!(&self.bytes[start..self.at], b"++" | b"--"),
            _ => false,
        };
        Token {
            kind,
            start,
            end: self.at,
        }
    }

    fn word(&mut self, start: usize) -> Kind {
        self.skip_until(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80));
        let keyword = match &self.bytes[start..self.at] {
            b"package" => Keyword::Package,
            b"import" => Keyword::Import,
            b"const" => Keyword::Const,
            b"var" => Keyword::Var,
            b"type" => Keyword::Type,
            b"func" => Keyword::Func,
            b"interface" => Keyword::Interface,
            b"break" | b"continue" | b"fallthrough" | b"return" => Keyword::Ending,
            b"case" | b"chan" | b"default" | b"defer" | b"else" | b"for" | b"go" | b"goto"
            | b"if" | b"map" | b"range" | b"select" | b"struct" | b"switch" => Keyword::Else,
            _ => return Kind::Identifier,
        };
        Kind::Keyword(keyword)
    }

    fn number(&mut self) -> Kind {
        let hexadecimal = self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X');
        loop {
            let byte = self.peek(0);
            let exponent = if hexadecimal {
                matches!(byte, b'p' | b'P')
            } else {
                matches!(byte, b'e' | b'E')
            };
            if exponent && matches!(self.peek(1), b'+' | b'-') {
                self.at += 2;
            } else if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' {
                self.at += 1;
            } else {
                return Kind::Literal;
            }
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind) -> Kind {
        self.at += 1;
        while self.at < self.end {
            match self.bytes[self.at] {
                b'\\' if self.peek(1) != b'\n' => self.at = (self.at + 2).min(self.end),
                b'\n' => break,
                byte => {
                    self.at += 1;
                    if byte == quote {
                        break;
                    }
                }
            }
        }
        kind
    }

    fn raw(&mut self) -> Kind {
        self.at += 1;
        self.skip_until(|byte| byte == b'`');
        self.at = (self.at + 1).min(self.end);
        Kind::Text
    }

    fn operator(&mut self, byte: u8) -> Kind {
        let (kind, length) = match (byte, self.peek(1)) {
            (b'(' | b'[' | b'{', _) => (Kind::Open(byte), 1),
            (b')' | b']' | b'}', _) => (Kind::Close(byte), 1),
            (b';', _) => (Kind::Semicolon, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'.', b'.') if self.peek(2) == b'.' => (Kind::Other, 3),
            (b'.', _) => (Kind::Period, 1),
            (b'=', b'=') => (Kind::Other, 2),
            (b'=', _) => (Kind::Assign, 1),
            (b'+', b'+') | (b'-', b'-') | (b'<', b'-') => (Kind::Other, 2),
            (
                b':' | b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^',
                b'=',
            ) => (Kind::Other, 2),
            (b'*', _) => (Kind::Star, 1),
            _ => (Kind::Other, 1),
        };
        self.at = (self.at + length).min(self.end);
        kind
    }

    fn skip_until(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at..self.end];
        self.at += rest
            .iter()
            .position(|byte| stop(*byte))
            .unwrap_or(rest.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(source: &str) -> String {
        let mut lexer = Lexer::new(source.as_bytes(), 0, source.len());
        let mut words = Vec::new();
        loop {
            let token = lexer.next();
            match token.kind {
                Kind::End => return words.join(" "),
                Kind::Comment => {}
                Kind::Semicolon => words.push(";"),
                _ => words.push(&source[token.start..token.end]),
            }
        }
    }

    #[test]
    fn semicolons_are_inserted_where_go_inserts_them() {
        assert_eq!(spelled("x\n+y\n"), "x ; + y ;");
        assert_eq!(spelled("f(\na,\n)\n"), "f ( a , ) ;");
        assert_eq!(
            spelled("i++\nreturn\nfor\n{\n}"),
            "i ++ ; return ; for { } ;"
        );
        assert_eq!(spelled("a /* one */ b"), "a b ;");
        assert_eq!(spelled("a /* two\nlines */ b"), "a ; b ;");
        assert_eq!(spelled("a // rest\nb"), "a ; b ;");
    }

    #[test]
    fn literals_hide_their_content() {
        assert_eq!(
            spelled(r#"x = "a\"}" + `{"` + '\''"#),
            r#"x = "a\"}" + `{"` + '\'' ;"#
        );
        assert_eq!(
            spelled("0xe+1 1e+9 .5 0x1p-2 1_000i"),
            "0xe + 1 1e+9 .5 0x1p-2 1_000i ;"
        );
    }

    #[test]
    fn broken_literals_end_with_their_line_or_file() {
        assert_eq!(spelled("\"abc\nd"), "\"abc ; d ;");
        assert_eq!(spelled("`abc\nd"), "`abc\nd ;");
        assert_eq!(spelled("'\\"), "'\\ ;");
        assert_eq!(spelled("a /* b"), "a ;");
    }

    #[test]
    fn operators_do_not_swallow_brackets() {
        assert_eq!(spelled("a[...]b{c...}"), "a [ ... ] b { c ... } ;");
        assert_eq!(
            spelled("x==y;x=y;x:=y;x*=y;<-c"),
            "x == y ; x = y ; x := y ; x *= y ; <- c ;"
        );
    }
}
