//! The expressions of `get_all_records_where`: `field "management"="true" and not(field "device"="eth0")`.
//!
//! Pure. Values compare as the database's texts, and fields go by the database's names (`name__label`).

use super::{Row, known};
use crate::{datamodel::Version, failure::Failure, value::Value};

/// A condition on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    True,
    False,
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Equal(Term, Term),
}

/// A side of an equation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Field(String),
    Literal(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(&'static str),
    Text(String),
}

const WORDS: &[&str] = &["field", "true", "false", "not", "and", "or", "=", "(", ")"];

impl Expression {
    /// Reads an expression; a refusal repeats it and says what xapi's parser says.
    pub(crate) fn parse(text: &str) -> Result<Expression, Failure> {
        let refusal = |reason: &str| Failure::new("INVALID_VALUE", [text, reason]);
        let tokens = tokens(text).ok_or_else(|| refusal("Failure(\"lexing: empty token\")"))?;
        let mut parser = Parser { tokens, next: 0 };
        let expression = parser.either().filter(|_| parser.next == parser.tokens.len());
        expression.ok_or_else(|| refusal("Stdlib.Parsing.Parse_error"))
    }

    /// Whether a row of the class meets the condition.
    pub(crate) fn holds(&self, class: &str, version: Version, row: &Row) -> Result<bool, Failure> {
        let holds = |expression: &Expression| expression.holds(class, version, row);
        Ok(match self {
            Expression::True => true,
            Expression::False => false,
            Expression::Not(inner) => !holds(inner)?,
            Expression::And(one, other) => holds(one)? && holds(other)?,
            Expression::Or(one, other) => holds(one)? || holds(other)?,
            Expression::Equal(one, other) => {
                one.value(class, version, row)? == other.value(class, version, row)?
            }
        })
    }
}

impl Term {
    fn value(&self, class: &str, version: Version, row: &Row) -> Result<String, Failure> {
        match self {
            Term::Literal(text) => Ok(text.clone()),
            Term::Field(name) => known(class)
                .fields_of(version)
                .find(|field| field.database_name() == *name)
                .map(|field| stored(row.get(&field.name)))
                .ok_or_else(|| Failure::new("INTERNAL_ERROR", ["missing field", name, ""])),
        }
    }
}

/// A value as the database writes it.
fn stored(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Int32(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) | Value::Date(text) => text.clone(),
        Value::Set(members) => {
            let members: Vec<String> = members.iter().map(|member| format!("'{}'", stored(member))).collect();
            format!("({})", members.join(" "))
        }
        Value::Map(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("('{key}' '{}')", stored(value))).collect();
            format!("({})", entries.join(" "))
        }
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            tokens.push(Token::Text(quoted[..end].to_owned()));
            rest = &quoted[end + 1..];
        } else {
            let word = WORDS.iter().find(|word| rest.starts_with(**word))?;
            tokens.push(Token::Word(word));
            rest = &rest[word.len()..];
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn either(&mut self) -> Option<Expression> {
        let mut left = self.both()?;
        while self.take("or") {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Some(left)
    }

    fn both(&mut self) -> Option<Expression> {
        let mut left = self.single()?;
        while self.take("and") {
            left = Expression::And(Box::new(left), Box::new(self.single()?));
        }
        Some(left)
    }

    fn single(&mut self) -> Option<Expression> {
        if self.take("true") {
            return Some(Expression::True);
        }
        if self.take("false") {
            return Some(Expression::False);
        }
        if self.take("not") {
            return Some(Expression::Not(Box::new(self.single()?)));
        }
        if self.take("(") {
            let inner = self.either()?;
            return self.take(")").then_some(inner);
        }
        let left = self.term()?;
        if !self.take("=") {
            return None;
        }
        Some(Expression::Equal(left, self.term()?))
    }

    fn term(&mut self) -> Option<Term> {
        let is_field = self.take("field");
        let Some(Token::Text(text)) = self.tokens.get(self.next).cloned() else { return None };
        self.next += 1;
        Some(if is_field { Term::Field(text) } else { Term::Literal(text) })
    }

    fn take(&mut self, word: &'static str) -> bool {
        let is_there = self.tokens.get(self.next) == Some(&Token::Word(word));
        self.next += usize::from(is_there);
        is_there
    }
}
