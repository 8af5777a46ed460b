//! Parser of filters: text to expression, by recursive descent.

use super::{Expression, Literal, Operator, Pattern};

/// Maximum nesting of parentheses and negations.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    /// A bare word, with its position in the text.
    Word(&'a str, usize),
    Quoted(String),
    Compare(Operator),
    Open,
    Close,
    Comma,
}

/// Parses a whole text. The error states what was expected.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0 };
    let expression = parser.or()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("`and`, `or` or the end is expected, not {}", shown(token))),
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let two = rest.get(..2).unwrap_or_default();
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' | '"' => {
                let (quoted, length) = quoted(rest, first)?;
                (Token::Quoted(quoted), length)
            }
            _ => match two {
                "!=" | "<>" => (Token::Compare(Operator::NotEqual), 2),
                "<=" => (Token::Compare(Operator::LessOrEqual), 2),
                ">=" => (Token::Compare(Operator::GreaterOrEqual), 2),
                "==" => (Token::Compare(Operator::Equal), 2),
                _ => match first {
                    '=' => (Token::Compare(Operator::Equal), 1),
                    '<' => (Token::Compare(Operator::Less), 1),
                    '>' => (Token::Compare(Operator::Greater), 1),
                    '!' => return Err("`!` is followed by `=` only".to_owned()),
                    _ => {
                        let ends = |c: char| c.is_whitespace() || "()=!<>,'\"".contains(c);
                        let length = rest.find(ends).unwrap_or(rest.len());
                        (Token::Word(&rest[..length], text.len() - rest.len()), length)
                    }
                },
            },
        };
        tokens.push(token);
        rest = &rest[length..];
    }
}

/// The quoted text at the beginning, and its length in bytes.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut out = String::new();
    let mut at = 1;
    loop {
        let end = rest[at..].find(quote).ok_or_else(|| format!("{quote} is not closed"))?;
        out.push_str(&rest[at..at + end]);
        at += end + 1;
        if !rest[at..].starts_with(quote) {
            return Ok((out, at));
        }
        out.push(quote);
        at += 1;
    }
}

fn shown(token: &Token<'_>) -> String {
    match token {
        Token::Word(word, _) => format!("`{word}`"),
        Token::Quoted(text) => format!("'{text}'"),
        Token::Compare(_) => "a comparison".to_owned(),
        Token::Open => "`(`".to_owned(),
        Token::Close => "`)`".to_owned(),
        Token::Comma => "`,`".to_owned(),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at)
    }

    /// Whether a keyword comes next.
    fn is_next(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word, _)) if word.eq_ignore_ascii_case(keyword))
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.is_next(keyword);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token<'a>, what: &str) -> Result<(), String> {
        if self.peek() != Some(token) {
            return Err(self.expected(what));
        }
        self.at += 1;
        Ok(())
    }

    fn expected(&self, what: &str) -> String {
        format!("{what} is expected, not {}", self.peek().map_or_else(|| "the end".to_owned(), shown))
    }

    fn or(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.and()?];
        while self.take("or") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Expression::Or(parts) })
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.not()?];
        while self.take("and") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Expression::And(parts) })
    }

    fn not(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} nested parentheses or negations"));
        }
        let expression = if self.take("not") {
            Expression::Not(Box::new(self.not()?))
        } else if self.peek() == Some(&Token::Open) {
            self.at += 1;
            let inner = self.or()?;
            self.expect(&Token::Close, "`)`")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let (name, _) = self.words("the name of an attribute", Self::is_infix)?;
        if let Some(&Token::Compare(operator)) = self.peek() {
            self.at += 1;
            return Ok(Expression::Compare(name, operator, self.literal()?));
        }
        if self.take("is") {
            let negated = self.take("not");
            if !self.take("null") {
                return Err(self.expected("`null`"));
            }
            return Ok(negate(Expression::IsNull(name), negated));
        }
        let negated = self.take("not");
        let comparison = if self.take("in") {
            Expression::In(name, self.list()?)
        } else if self.take("between") {
            let low = self.literal()?;
            if !self.take("and") {
                return Err(self.expected("`and`"));
            }
            let bound = |operator, literal| Expression::Compare(name.clone(), operator, literal);
            let high = self.literal()?;
            Expression::And(vec![bound(Operator::GreaterOrEqual, low), bound(Operator::LessOrEqual, high)])
        } else if self.take("like") {
            Expression::Like(name, Pattern::parse(&self.literal()?.text))
        } else {
            return Err(self.expected(&format!("a comparison, `in`, `between`, `like` or `is` after `{name}`")));
        };
        Ok(negate(comparison, negated))
    }

    fn list(&mut self) -> Result<Vec<Literal>, String> {
        self.expect(&Token::Open, "`(`")?;
        let mut literals = vec![self.literal()?];
        while self.peek() == Some(&Token::Comma) {
            self.at += 1;
            literals.push(self.literal()?);
        }
        self.expect(&Token::Close, "`,` or `)`")?;
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal, String> {
        let (text, is_quoted) = self.words("a value", |_| false)?;
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && !is_quoted);
        Ok(Literal { text, number })
    }

    /// Whether `like` or `between` comes next as the operator. A name of several words may contain them too; then a comparison
    /// follows.
    fn is_infix(&self) -> bool {
        let after = self.tokens.get(self.at + 1..).unwrap_or_default();
        let words = after.iter().take_while(|token| matches!(token, Token::Word(word, _) if !is_keyword(word))).count();
        let is_in_a_name = match after.get(words) {
            Some(Token::Compare(_)) => true,
            Some(Token::Word(word, _)) => ["is", "in", "not"].iter().any(|k| word.eq_ignore_ascii_case(k)),
            _ => false,
        };
        (self.is_next("like") || self.is_next("between")) && !is_in_a_name
    }

    /// A text, and whether it was in quotes. Without quotes it consists of all bare words up to a sign, a keyword or a position
    /// at which `ends` is true.
    fn words(&mut self, what: &str, ends: impl Fn(&Self) -> bool) -> Result<(String, bool), String> {
        if let Some(Token::Quoted(text)) = self.peek() {
            let text = text.clone();
            self.at += 1;
            return Ok((text, true));
        }
        let mut range = None;
        while let Some(&Token::Word(word, start)) = self.peek() {
            if is_keyword(word) || range.is_some() && ends(self) {
                break;
            }
            let begin = range.map_or(start, |(begin, _)| begin);
            range = Some((begin, start + word.len()));
            self.at += 1;
        }
        let (start, end) = range.ok_or_else(|| self.expected(what))?;
        Ok((self.text[start..end].to_owned(), false))
    }
}

fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "in", "is"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn negate(expression: Expression, negated: bool) -> Expression {
    if negated { Expression::Not(Box::new(expression)) } else { expression }
}
