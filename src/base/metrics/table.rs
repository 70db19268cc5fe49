//! One row for each own series: name, help, labels.
