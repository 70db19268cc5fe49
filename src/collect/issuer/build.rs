//! Pure: a definition's request and an ask → an HTTP request.
