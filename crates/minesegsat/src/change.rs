//! Gain and loss of disturbed land between two dates.
