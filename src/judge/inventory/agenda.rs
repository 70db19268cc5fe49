//! Who changes next: a minimum per leaf over its own column.
