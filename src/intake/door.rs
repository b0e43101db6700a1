//! Where reports come in: a cell of coverage, a file, or our own watch over them.

use poamd_contract::coverage::Cell;

/// Reports are kept apart by door, so that absence is concluded only where a look could have shown them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    Cell(Cell),
    /// `poamd import`: no look at an account, so nothing is ever absent.
    File,
    /// poamd's look at its own looks: it says itself when something is over.
    Vigil,
}

impl Door {
    /// The name under which its reports are stored.
    pub fn name(&self) -> String {
        match self {
            Self::Cell(cell) => format!("{}/{}/{}", cell.account, cell.region, cell.service),
            Self::File => "file".to_owned(),
            Self::Vigil => "poamd".to_owned(),
        }
    }
}
