//! The scanner behind an outline: one pass over the tokens. Longer than most files here, because it is one
//! grammar: each method reads one of its rules.

use std::ops::Range;

use super::{Chunk, ChunkKind, Import, Outline, Position, Receiver, directive, mention};
use crate::source::embed;
use crate::source::lexer::{Keyword, Kind, Lexer, Token};

/// One pass over a file or a declaration.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    lexer: Lexer<'a>,
    token: Token,
    /// The token before this one is a period.
    after_period: bool,
    /// Brackets open.
    depth: usize,
    pending: Vec<String>,
    /// The last comment, if nothing but blanks follow it.
    last_comment: Option<Range<usize>>,
    last_end: usize,
    pub(super) outline: Outline,
    pub(super) mentions: Vec<u64>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8], start: usize, end: usize) -> Self {
        let mut scan = Self {
            bytes,
            lexer: Lexer::new(bytes, start, end),
            token: Token {
                kind: Kind::End,
                start,
                end: start,
            },
            after_period: false,
            depth: 0,
            pending: Vec::new(),
            last_comment: None,
            last_end: start,
            outline: Outline::default(),
            mentions: Vec::new(),
        };
        scan.advance();
        scan
    }

    fn text(&self, token: Token) -> String {
        String::from_utf8_lossy(&self.bytes[token.start..token.end]).into_owned()
    }

    /// To the next token that is no comment.
    fn advance(&mut self) {
        self.after_period = self.token.kind == Kind::Period;
        if self.token.kind != Kind::Semicolon {
            self.last_end = self.token.end;
            self.last_comment = None;
        }
        loop {
            self.token = self.lexer.next();
            match self.token.kind {
                Kind::Comment => self.comment(),
                Kind::Open(_) => {
                    self.depth += 1;
                    return;
                }
                Kind::Close(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return;
                }
                _ => return,
            }
        }
    }

    fn comment(&mut self) {
        let range = self.token.start..self.token.end;
        let bytes = &self.bytes[range.clone()];
        if bytes.starts_with(b"//go:") || bytes.starts_with(b"//export ") {
            let text = String::from_utf8_lossy(bytes).into_owned();
            if let Some(patterns) = text.strip_prefix("//go:embed ") {
                self.outline.embeds.extend(embed::patterns(patterns));
            }
            if let Some(expression) = text.strip_prefix("//go:build ") {
                if self.outline.package.is_empty() && self.outline.constraint.is_none() {
                    self.outline.constraint = Some(expression.trim().to_string());
                }
            } else if self.depth == 0
                && let Some(directive) = directive(&text)
            {
                self.pending.push(directive.to_string());
            }
        }
        self.last_comment = match self.last_comment.take() {
            Some(before) => Some(before.start..range.end),
            None => Some(range),
        };
    }

    /// Notes the current token as a mention, if it is a name.
    fn note(&mut self) {
        if self.token.kind == Kind::Identifier {
            let position = if self.after_period {
                Position::Selected
            } else {
                Position::Alone
            };
            let name = &self.bytes[self.token.start..self.token.end];
            if name != b"_" {
                self.mentions.push(mention(name, position));
            }
        }
    }

    /// To the end.
    pub(super) fn file(&mut self) {
        loop {
            match self.token.kind {
                Kind::End => return,
                Kind::Semicolon => self.advance(),
                Kind::Keyword(Keyword::Package) => self.package_clause(),
                Kind::Keyword(Keyword::Import) => self.chunk(ChunkKind::Import, Self::imports),
                Kind::Keyword(Keyword::Const) => self.chunk(ChunkKind::Const, Self::values),
                Kind::Keyword(Keyword::Var) => self.chunk(ChunkKind::Var, Self::values),
                Kind::Keyword(Keyword::Type) => self.chunk(ChunkKind::Type, Self::types),
                Kind::Keyword(Keyword::Func) => self.function(),
                _ => self.chunk(ChunkKind::Stray, |_| {}),
            }
        }
    }

    fn package_clause(&mut self) {
        self.advance();
        if self.token.kind == Kind::Identifier {
            self.outline.package = self.text(self.token);
        }
        // A directive above the package clause belongs to the file.
        self.rest_of_statement();
    }

    /// Reads a declaration: its head with `head`, then whatever is left of the statement.
    fn chunk(&mut self, kind: ChunkKind, head: fn(&mut Self)) {
        let start = self.token.start;
        let directives = std::mem::take(&mut self.pending);
        if kind == ChunkKind::Stray {
            self.note();
        }
        self.depth = if matches!(self.token.kind, Kind::Open(_)) {
            1
        } else {
            0
        };
        let preamble = self.last_comment.clone();
        self.advance();
        if kind == ChunkKind::Import
            && self.bytes.get(self.token.start..self.token.end) == Some(b"\"C\"")
        {
            let text =
                preamble.map(|range| String::from_utf8_lossy(&self.bytes[range]).into_owned());
            self.outline.cgo = Some(text.unwrap_or_default());
        }
        head(self);
        self.rest_of_statement();
        let range = start..self.last_end.max(start);
        let chunk = Chunk {
            kind,
            range,
            directives,
            name: String::new(),
            receiver: None,
            arity: 0,
        };
        self.outline.chunks.push(chunk);
    }

    /// Up to and over the semicolon outside all brackets.
    fn rest_of_statement(&mut self) {
        loop {
            match self.token.kind {
                Kind::End => return,
                Kind::Semicolon if self.depth == 0 => {
                    self.advance();
                    return;
                }
                _ => self.step(),
            }
        }
    }

    /// One token of an ordinary expression, type or statement.
    fn step(&mut self) {
        match self.token.kind {
            Kind::Keyword(Keyword::Interface) => {
                self.advance();
                if self.token.kind == Kind::Open(b'{') {
                    self.interface();
                }
            }
            _ => {
                self.note();
                self.advance();
            }
        }
    }

    /// From the opening brace to behind the closing one. Interfaces in parameters of methods are
    /// read by recursion of tokens, not of calls: nesting is as deep as somebody cares to write.
    fn interface(&mut self) {
        let mut open = vec![self.depth];
        let mut at_start = true;
        self.advance();
        while let Some(depth) = open.last().copied() {
            match self.token.kind {
                Kind::End => return,
                Kind::Close(_) if self.depth < depth => {
                    open.pop();
                    at_start = false;
                    self.advance();
                }
                Kind::Keyword(Keyword::Interface) => {
                    self.advance();
                    if self.token.kind == Kind::Open(b'{') {
                        open.push(self.depth);
                        self.advance();
                        at_start = true;
                    }
                }
                Kind::Semicolon => {
                    at_start = self.depth == depth;
                    self.advance();
                }
                Kind::Identifier if at_start => {
                    at_start = false;
                    self.element();
                }
                _ => {
                    at_start = false;
                    self.note();
                    self.advance();
                }
            }
        }
    }

    /// An element of an interface that begins with a name: a method, or an embedded type.
    fn element(&mut self) {
        let name = self.token;
        let mut ahead = self.lexer.clone();
        if ahead.next().kind == Kind::Open(b'(') {
            let arity = count_parameters(ahead);
            let name = self.text(name);
            self.outline.interface_methods.insert((name, arity));
        } else {
            self.note();
        }
        self.advance();
    }

    fn imports(&mut self) {
        let grouped = self.token.kind == Kind::Open(b'(');
        if grouped {
            self.advance();
        }
        let mut name = None;
        loop {
            match self.token.kind {
                Kind::Text => {
                    let text = self.text(self.token);
                    let path = text.trim_matches(['"', '`']).to_string();
                    self.outline.imports.push(Import {
                        path,
                        name: name.take(),
                    });
                    if !grouped {
                        return;
                    }
                }
                Kind::Identifier => name = Some(self.text(self.token)),
                Kind::Period => name = Some(".".into()),
                Kind::Semicolon if grouped => {}
                _ => return,
            }
            self.advance();
        }
    }

    /// `const` and `var`: the declared names are no mentions.
    fn values(&mut self) {
        self.specifications(|scan| {
            while scan.token.kind == Kind::Identifier {
                scan.advance();
                if scan.token.kind != Kind::Comma {
                    break;
                }
                scan.advance();
            }
        });
    }

    /// `type`: neither is the declared name.
    fn types(&mut self) {
        self.specifications(|scan| {
            if scan.token.kind != Kind::Identifier {
                return;
            }
            let name = scan.token;
            scan.advance();
            if scan.token.kind == Kind::Open(b'[') {
                scan.type_parameters_of_alias(name);
            } else if scan.token.kind == Kind::Assign {
                scan.advance();
                scan.alias(name);
            }
        });
    }

    /// `type A[P any] = B[P]`.
    fn type_parameters_of_alias(&mut self, name: Token) {
        let inside = self.depth;
        while self.token.kind != Kind::End
            && !(matches!(self.token.kind, Kind::Close(_)) && self.depth < inside)
        {
            self.step();
        }
        if self.token.kind == Kind::End {
            return;
        }
        self.advance();
        if self.token.kind == Kind::Assign {
            self.advance();
            self.alias(name);
        }
    }

    fn alias(&mut self, name: Token) {
        if self.token.kind == Kind::Identifier {
            let pair = (self.text(name), self.text(self.token));
            self.outline.aliases.push(pair);
        }
    }

    /// Calls `head` at the start of each specification of a group, or of the only one.
    fn specifications(&mut self, head: fn(&mut Self)) {
        if self.token.kind != Kind::Open(b'(') {
            head(self);
            return;
        }
        let inside = self.depth;
        self.advance();
        head(self);
        loop {
            match self.token.kind {
                Kind::End => return,
                Kind::Close(_) if self.depth < inside => return,
                Kind::Semicolon if self.depth == inside => {
                    self.advance();
                    head(self);
                }
                _ => self.step(),
            }
        }
    }

    fn function(&mut self) {
        let start = self.token.start;
        let directives = std::mem::take(&mut self.pending);
        self.depth = 0;
        self.advance();
        let receiver = if self.token.kind == Kind::Open(b'(') {
            self.receiver()
        } else {
            None
        };
        let mut name = String::new();
        if self.token.kind == Kind::Identifier {
            name = self.text(self.token);
            self.advance();
        }
        if self.token.kind == Kind::Open(b'[') {
            let inside = self.depth;
            while self.token.kind != Kind::End && self.depth >= inside {
                self.step();
            }
            if self.token.kind != Kind::End {
                self.advance();
            }
        }
        let arity = if self.token.kind == Kind::Open(b'(') {
            count_parameters(self.lexer.clone())
        } else {
            0
        };
        self.rest_of_statement();
        let range = start..self.last_end.max(start);
        self.outline.chunks.push(Chunk {
            kind: ChunkKind::Func,
            range,
            directives,
            name,
            receiver,
            arity,
        });
    }

    /// `(s *Store[K])`: the base type is no mention of it.
    fn receiver(&mut self) -> Option<Receiver> {
        let inside = self.depth;
        let (mut pointer, mut type_name) = (false, None);
        self.advance();
        while self.token.kind != Kind::End && self.depth >= inside {
            match self.token.kind {
                Kind::Star => pointer = true,
                Kind::Identifier if self.depth == inside || type_name.is_none() => {
                    type_name = Some(self.text(self.token));
                }
                // Type parameters: names of this method alone.
                Kind::Open(b'[') => {
                    let brackets = self.depth;
                    while self.token.kind != Kind::End && self.depth >= brackets {
                        self.advance();
                    }
                    if self.token.kind == Kind::End {
                        break;
                    }
                }
                _ => {}
            }
            self.advance();
        }
        if self.token.kind != Kind::End {
            self.advance();
        }
        type_name.map(|type_name| Receiver { type_name, pointer })
    }
}

/// Counts parameters; the lexer stands behind the opening parenthesis.
fn count_parameters(mut lexer: Lexer<'_>) -> usize {
    let (mut depth, mut count, mut within) = (1usize, 0, false);
    loop {
        match lexer.next().kind {
            Kind::End => return count,
            Kind::Open(_) => {
                depth += 1;
                within = true;
            }
            Kind::Close(_) => {
                depth -= 1;
                if depth == 0 {
                    return count + usize::from(within);
                }
            }
            Kind::Comma if depth == 1 => {
                count += 1;
                within = false;
            }
            Kind::Comment | Kind::Semicolon => {}
            _ => within = true,
        }
    }
}
