//! jq programs with their doors shut; the only file that names jaq.
