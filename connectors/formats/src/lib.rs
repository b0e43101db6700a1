//! AWS finding formats (ASFF, GuardDuty, Inspector2, Inspector Classic) to poamd's finding reports
