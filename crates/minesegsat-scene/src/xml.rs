//! A minimal XML reader for product metadata: elements by local name, with attributes, text and parent.

use quick_xml::{Reader, XmlVersion, events::Event};

use minesegsat_core::{Error, Result};
use minesegsat_io::{Location, read_text};

/// An element. Names have no namespace prefix.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) text: String,
    parent: Option<usize>,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All elements of a document, in document order.
#[derive(Debug)]
pub(crate) struct Document {
    elements: Vec<Element>,
}

impl Document {
    pub(crate) fn read(location: &Location) -> Result<Self> {
        let text = read_text(location)?;
        Self::parse(&text).map_err(|reason| Error::scene(location.to_string(), format!("not valid XML: {reason}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            let event = reader.read_event().map_err(|e| format!("{e} at byte {}", reader.buffer_position()))?;
            match event {
                Event::Start(ref start) | Event::Empty(ref start) => {
                    let mut attributes = Vec::new();
                    for attribute in start.attributes() {
                        let attribute = attribute.map_err(|e| e.to_string())?;
                        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|e| e.to_string())?;
                        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
                    }
                    elements.push(Element {
                        name: start.local_name().as_ref().to_owned(),
                        attributes,
                        text: String::new(),
                        parent: open.last().copied(),
                    });
                    if matches!(event, Event::Start(_)) {
                        open.push(elements.len() - 1);
                    }
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Text(ref text) => {
                    if let Some(&at) = open.last() {
                        elements[at].text.push_str(text.xml10_content().trim());
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if elements.is_empty() {
            return Err("it has no element".to_owned());
        }
        Ok(Self { elements })
    }

    /// Name of the outermost element.
    pub(crate) fn root(&self) -> &str {
        self.elements.first().map_or("", |element| &element.name)
    }

    /// All elements with a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |e| e.name == name)
    }

    /// Non-empty text of the first element with one of these names.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        self.elements.iter().find(|e| names.contains(&e.name.as_str()) && !e.text.is_empty()).map(|e| e.text.as_str())
    }

    /// A child of an element of this document.
    pub(crate) fn child<'a>(&'a self, parent: &Element, name: &str) -> Option<&'a Element> {
        let at = self.elements.iter().position(|e| std::ptr::eq(e, parent))?;
        self.elements[at..].iter().find(|e| e.parent == Some(at) && e.name == name)
    }

    /// Text of a child of an element of this document.
    pub(crate) fn child_text<'a>(&'a self, parent: &Element, name: &str) -> Option<&'a str> {
        self.child(parent, name).map(|e| e.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_know_their_children_and_attributes() {
        let text =
            "<?xml version='1.0'?><n1:A xmlns:n1='x'><B r='10'><C> 7 </C></B><B r=\"20\"><C>8</C></B><E/></n1:A>";
        let document = Document::parse(text).unwrap();
        let b = document.all("B").find(|b| b.attribute("r") == Some("20")).unwrap();
        assert_eq!(document.child_text(b, "C"), Some("8"));
        assert_eq!(document.text(&["X", "C"]), Some("7"));
        assert_eq!(document.text(&["E"]), None);
        assert!(Document::parse("<a><b></a>").is_err());
        assert!(Document::parse("").is_err());
    }
}
