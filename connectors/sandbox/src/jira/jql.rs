//! Reads JQL: clauses joined by AND, OR, NOT and parentheses, and ORDER BY.
//!
//! Not in it: which fields and values there are; [`super::matching`] knows.

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `None` has no restriction at all, which the service refuses.
    pub wanted: Option<Expr>,
    /// Field and whether it is descending.
    pub order: Vec<(String, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Clause(Clause),
}

/// `field operator value`; several values with IN.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// Lower case.
    pub field: String,
    pub op: Op,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Like,
    NotLike,
    IsEmpty,
    IsNotEmpty,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(String),
}

/// # Errors
/// The service's complaint about the text.
pub fn parse(text: &str) -> Result<Query, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
    };
    let wanted = match parser.peek() {
        None => None,
        Some(_) if parser.at_words(&["order", "by"]) => None,
        Some(_) => Some(parser.any()?),
    };
    let order = parser.order()?;
    match parser.peek() {
        None => Ok(Query { wanted, order }),
        Some(token) => Err(format!("Error in the JQL Query: unexpected {token:?}.")),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&c) = rest.peek() {
        match c {
            c if c.is_whitespace() => {
                rest.next();
            }
            '"' | '\'' => {
                rest.next();
                tokens.push(Token::Quoted(quoted(&mut rest, c)?));
            }
            '(' | ')' | ',' => {
                rest.next();
                tokens.push(Token::Sign(c.to_string()));
            }
            '=' | '!' | '<' | '>' | '~' => {
                rest.next();
                let two = rest
                    .next_if(|n| (*n == '=' && c != '=' && c != '~') || (*n == '~' && c == '!'));
                tokens.push(Token::Sign([Some(c), two].into_iter().flatten().collect()));
            }
            _ => {
                let mut word = String::new();
                while let Some(c) =
                    rest.next_if(|c| !c.is_whitespace() && !"()=!<>~,\"'".contains(*c))
                {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

fn quoted(rest: &mut impl Iterator<Item = char>, mark: char) -> Result<String, String> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next()),
            c if c == mark => return Ok(text),
            c => text.push(c),
        }
    }
    Err("Error in the JQL Query: the quoted string has not been completed.".to_owned())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn word_at(&self, place: usize) -> Option<&str> {
        match self.tokens.get(place) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn at_words(&self, words: &[&str]) -> bool {
        let here = |(i, w): (usize, &&str)| {
            self.word_at(self.at + i)
                .is_some_and(|t| t.eq_ignore_ascii_case(w))
        };
        words.iter().enumerate().all(here)
    }

    /// Steps over the words if they come next.
    fn eat(&mut self, words: &[&str]) -> bool {
        let there = self.at_words(words);
        if there {
            self.at += words.len();
        }
        there
    }

    fn eat_sign(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Sign(s)) if s == sign);
        self.at += usize::from(there);
        there
    }

    fn any(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.all()?];
        while self.eat(&["or"]) {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expr::Any(parts)
        })
    }

    fn all(&mut self) -> Result<Expr, String> {
        let mut parts = vec![self.one()?];
        while self.eat(&["and"]) {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Expr::All(parts)
        })
    }

    fn one(&mut self) -> Result<Expr, String> {
        if self.eat(&["not"]) {
            return Ok(Expr::Not(Box::new(self.one()?)));
        }
        if self.eat_sign("(") {
            let inner = self.any()?;
            return if self.eat_sign(")") {
                Ok(inner)
            } else {
                Err("Error in the JQL Query: expecting ')'.".to_owned())
            };
        }
        self.clause().map(Expr::Clause)
    }

    fn clause(&mut self) -> Result<Clause, String> {
        let field = self.value()?.to_lowercase();
        let op = self.operator(&field)?;
        let values = match op {
            Op::IsEmpty | Op::IsNotEmpty => vec![],
            Op::In | Op::NotIn => self.list()?,
            _ => vec![self.value()?],
        };
        Ok(Clause { field, op, values })
    }

    fn operator(&mut self, field: &str) -> Result<Op, String> {
        let words = [
            (&["not", "in"][..], Op::NotIn),
            (&["in"], Op::In),
            (&["is", "not", "empty"], Op::IsNotEmpty),
            (&["is", "not", "null"], Op::IsNotEmpty),
            (&["is", "empty"], Op::IsEmpty),
            (&["is", "null"], Op::IsEmpty),
        ];
        let signs = [
            ("=", Op::Equal),
            ("!=", Op::NotEqual),
            ("<", Op::Less),
            ("<=", Op::LessOrEqual),
            (">", Op::Greater),
            (">=", Op::GreaterOrEqual),
            ("~", Op::Like),
            ("!~", Op::NotLike),
        ];
        let by_words = words
            .into_iter()
            .find(|(w, _)| self.eat(w))
            .map(|(_, op)| op);
        let found = by_words.or_else(|| {
            signs
                .into_iter()
                .find(|(s, _)| self.eat_sign(s))
                .map(|(_, op)| op)
        });
        found.ok_or_else(|| {
            format!("Error in the JQL Query: expecting an operator after '{field}'.")
        })
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        if !self.eat_sign("(") {
            return Err("Error in the JQL Query: expecting '(' after IN.".to_owned());
        }
        let mut values = vec![self.value()?];
        while self.eat_sign(",") {
            values.push(self.value()?);
        }
        if self.eat_sign(")") {
            Ok(values)
        } else {
            Err("Error in the JQL Query: expecting ')' after the list.".to_owned())
        }
    }

    fn value(&mut self) -> Result<String, String> {
        let value = match self.peek() {
            Some(Token::Word(text)) if reserved(text) => Err(format!(
                "Error in the JQL Query: '{text}' is a reserved JQL word."
            )),
            Some(Token::Word(text) | Token::Quoted(text)) => Ok(text.clone()),
            _ => Err("Error in the JQL Query: expecting a field or a value.".to_owned()),
        }?;
        self.at += 1;
        if matches!(self.peek(), Some(Token::Sign(s)) if s == "(") && !self.tokens_before_are_in() {
            return Err(format!("Unable to find JQL function '{value}()'."));
        }
        Ok(value)
    }

    /// Whether the token just read is a field before a list, not the name of a function.
    fn tokens_before_are_in(&self) -> bool {
        self.word_at(self.at.wrapping_sub(1))
            .is_some_and(|w| w.eq_ignore_ascii_case("in"))
    }

    fn order(&mut self) -> Result<Vec<(String, bool)>, String> {
        let mut order = Vec::new();
        if !self.eat(&["order", "by"]) {
            return Ok(order);
        }
        loop {
            let field = self.value()?.to_lowercase();
            let descending = self.eat(&["desc"]);
            if !descending {
                self.eat(&["asc"]);
            }
            order.push((field, descending));
            if !self.eat_sign(",") {
                break;
            }
        }
        if order.len() > 7 {
            Err("The maximum number of fields in ORDER BY is 7.".to_owned())
        } else {
            Ok(order)
        }
    }
}

fn reserved(word: &str) -> bool {
    [
        "and", "or", "not", "in", "is", "order", "by", "empty", "null",
    ]
    .iter()
    .any(|r| word.eq_ignore_ascii_case(r))
}
