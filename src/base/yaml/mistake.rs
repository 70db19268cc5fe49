//! A mistake in a configuration: file, line, column, path, and what would be right.

/// Index into the list of files read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNo(pub u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub file: FileNo,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Option<Place>,
    pub path: String,
    /// What is wrong and what would be right; lower case; never a secret.
    pub text: String,
    /// The line holds, or may hold, a secret: never quoted.
    pub secret: bool,
}

/// Every mistake of one load, in the order of places.
#[derive(Clone, Debug, Default)]
pub struct Mistakes {
    pub list: Vec<Mistake>,
}

impl Mistakes {
    pub fn note(&mut self, mistake: Mistake) {
        self.list.push(mistake);
    }
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
