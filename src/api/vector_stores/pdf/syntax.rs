//! What PDF files, their pages and their fonts' maps are written in (ISO 32000-1 §7.2, §7.3).

/// Lists in lists.
const DEEPEST: usize = 32;

/// One thing that is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PdfItem {
    Number(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    List(Vec<PdfItem>),
    Dictionary(Vec<(Vec<u8>, PdfItem)>),
    /// Another object, by its number.
    Reference(u32),
    /// An operator, or whatever else is written.
    Word(Vec<u8>),
    /// Nothing is written there.
    Nothing,
}

impl PdfItem {
    /// What a dictionary has under a name, as it is written there.
    pub(super) fn get(&self, name: &str) -> &PdfItem {
        let PdfItem::Dictionary(fields) = self else { return &PdfItem::Nothing };
        fields.iter().find(|(field, _)| field == name.as_bytes()).map_or(&PdfItem::Nothing, |(_, item)| item)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, PdfItem::Name(is) if is == name.as_bytes())
    }
}

/// Reads one thing after the other.
pub(super) struct PdfReader<'a> {
    bytes: &'a [u8],
    pub at: usize,
    /// Things it still reads: those of a few bytes take many in memory.
    left: usize,
}

impl<'a> PdfReader<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, left: usize) -> Self {
        PdfReader { bytes, at, left }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// The bytes from here that are like this.
    fn run(&mut self, like: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let run = &rest[..rest.iter().take_while(|byte| like(**byte)).count()];
        self.at += run.len();
        run
    }

    /// Goes over what stands between things.
    pub(super) fn skip(&mut self) {
        loop {
            self.run(is_space);
            if self.peek(0) != Some(b'%') {
                return;
            }
            self.run(|byte| !matches!(byte, b'\r' | b'\n'));
        }
    }

    /// The next thing; `None` at the end.
    pub(super) fn next(&mut self) -> Option<PdfItem> {
        self.read(0)
    }

    fn read(&mut self, depth: usize) -> Option<PdfItem> {
        self.skip();
        self.left = self.left.checked_sub(1)?;
        Some(match self.peek(0)? {
            b'(' => PdfItem::Text(self.literal()),
            b'/' => {
                self.at += 1;
                PdfItem::Name(self.run(is_regular).to_vec())
            }
            b'<' if self.peek(1) == Some(b'<') => {
                self.at += 2;
                let mut items = self.until(b">>", depth).into_iter();
                let mut fields = Vec::new();
                while let (Some(PdfItem::Name(name)), Some(item)) = (items.next(), items.next()) {
                    fields.push((name, item));
                }
                PdfItem::Dictionary(fields)
            }
            b'<' => {
                self.at += 1;
                let digits = self.run(|byte| byte != b'>');
                self.at += 1;
                PdfItem::Text(hex(digits))
            }
            b'[' => {
                self.at += 1;
                PdfItem::List(self.until(b"]", depth))
            }
            b'>' if self.peek(1) == Some(b'>') => {
                self.at += 2;
                PdfItem::Word(b">>".to_vec())
            }
            byte if !is_regular(byte) => {
                self.at += 1;
                PdfItem::Word(vec![byte])
            }
            _ => {
                let word = self.run(is_regular);
                let number = std::str::from_utf8(word).ok().filter(|word| !word.ends_with(char::is_alphabetic));
                match number.and_then(|word| word.parse().ok()) {
                    Some(number) => PdfItem::Number(number),
                    None => PdfItem::Word(word.to_vec()),
                }
            }
        })
    }

    /// What stands before this word, with references in one.
    fn until(&mut self, end: &[u8], depth: usize) -> Vec<PdfItem> {
        let mut items = Vec::new();
        while depth < DEEPEST
            && let Some(item) = self.read(depth + 1)
        {
            match (item, &items[..]) {
                (PdfItem::Word(word), _) if word == end => break,
                (PdfItem::Word(word), [.., PdfItem::Number(number), PdfItem::Number(_)]) if word == b"R" => {
                    let number = *number as u32;
                    items.truncate(items.len() - 2);
                    items.push(PdfItem::Reference(number));
                }
                (item, _) => items.push(item),
            }
        }
        items
    }

    /// A text in parentheses.
    fn literal(&mut self) -> Vec<u8> {
        let (mut out, mut depth) = (Vec::new(), 0);
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.escaped(&mut out),
                b'(' => {
                    depth += 1;
                    if depth > 1 {
                        out.push(byte);
                    }
                }
                b')' if depth == 1 => break,
                b')' => {
                    depth -= 1;
                    out.push(byte);
                }
                byte => out.push(byte),
            }
        }
        out
    }

    fn escaped(&mut self, out: &mut Vec<u8>) {
        let start = self.at;
        let end = self.bytes.len().min(start + 3);
        let octal = self.bytes[start..end].iter().take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        if octal > 0 {
            self.at += octal;
            let digits = self.bytes[start..self.at].iter();
            out.push(digits.fold(0u32, |code, digit| code * 8 + u32::from(digit - b'0')) as u8);
            return;
        }
        match self.peek(0) {
            Some(b'n') => out.push(b'\n'),
            Some(b'r' | b't' | b'b' | b'f') => out.push(b' '),
            Some(b'\n' | b'\r') | None => {}
            Some(other) => out.push(other),
        }
        self.at += 1;
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !b"()<>[]{}/%".contains(&byte)
}

fn hex(digits: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.iter().filter_map(|digit| char::from(*digit).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let written = b"<< /Kids [3 0 R 4 0 R] /A (x\\(\\101(y)) /B <4a4> /C -1.5 >> % said\n BT";
        let mut reader = PdfReader::new(written, 0, 100);
        let read = reader.next().expect("a dictionary");
        assert_eq!(read.get("Kids"), &PdfItem::List(vec![PdfItem::Reference(3), PdfItem::Reference(4)]));
        assert_eq!(read.get("A"), &PdfItem::Text(b"x(A(y)".to_vec()));
        assert_eq!((read.get("B"), read.get("C")), (&PdfItem::Text(vec![0x4a, 0x40]), &PdfItem::Number(-1.5)));
        assert_eq!((reader.next(), reader.next()), (Some(PdfItem::Word(b"BT".to_vec())), None));
        // Neither depth nor number have no end.
        let deep = "[".repeat(100_000);
        assert!(PdfReader::new(deep.as_bytes(), 0, 1 << 20).next().is_some());
        let many = "1 ".repeat(1_000);
        let mut reader = PdfReader::new(many.as_bytes(), 0, 10);
        assert_eq!(std::iter::from_fn(|| reader.next()).count(), 10);
    }
}
