//! Bearer, header, basic and client secret: credentials that are sent as they are.
