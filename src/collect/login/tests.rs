//! Each form on a request, and the sentence for each wrong combination. Secrets lie in files, as with users.

use std::path::PathBuf;

use super::*;

fn file(dir: &tempfile::TempDir, name: &str, value: &str) -> SecretRef {
    let path: PathBuf = dir.path().join(name);
    std::fs::write(&path, value).unwrap();
    SecretRef::File(path)
}

fn request() -> Request {
    Request::get("https://issuer.example.com/x".parse().unwrap())
}

fn all() -> Vec<Accepted> {
    vec![
        Accepted::Token { header: "PRIVATE-TOKEN".into(), prefix: String::new() },
        Accepted::Basic,
        Accepted::Header,
        Accepted::ClientId,
    ]
}

fn empty() -> LoginSection {
    LoginSection { token: None, basic: None, header: None, client_id: None, client_secret: None, auth_method: None }
}

fn secret_header(request: &Request) -> (String, String) {
    let (name, value) = &request.secret_headers[0];
    assert!(request.headers.iter().all(|(_, plain)| !plain.contains(value.expose())));
    (name.clone(), value.expose().to_owned())
}

#[test]
fn a_token_goes_into_the_header_that_the_definition_names_and_is_read_at_use() {
    let dir = tempfile::tempdir().unwrap();
    let section = LoginSection { token: Some(file(&dir, "t", "glpat-one\n")), ..empty() };
    let login = Login::build(Some(&section), &all()).unwrap();
    let mut first = request();
    login.dress(&mut first).unwrap();
    assert_eq!(secret_header(&first), ("PRIVATE-TOKEN".into(), "glpat-one".into()));
    file(&dir, "t", "glpat-two");
    let mut second = request();
    login.dress(&mut second).unwrap();
    assert_eq!(secret_header(&second).1, "glpat-two");
    assert!(!format!("{second:?} {login:?}").contains("glpat-"));
}

#[test]
fn a_client_secret_is_form_encoded_before_it_is_joined() {
    let dir = tempfile::tempdir().unwrap();
    let section =
        LoginSection { client_id: Some("ci:bot".into()), client_secret: Some(file(&dir, "s", "a b+c%é")), ..empty() };
    let login = Login::build(Some(&section), &all()).unwrap();
    let mut dressed = request();
    login.dress(&mut dressed).unwrap();
    use base64::Engine;
    let joined = base64::engine::general_purpose::STANDARD.encode("ci%3Abot:a+b%2Bc%25%C3%A9");
    assert_eq!(secret_header(&dressed), ("authorization".into(), format!("Basic {joined}")));
    assert!(matches!(login.identity(), Ok(Identity::Named(id)) if id == "ci:bot"));
}

#[test]
fn client_secret_post_is_added_to_the_form() {
    let dir = tempfile::tempdir().unwrap();
    let login =
        Login::ClientSecret { id: "ci".into(), secret: file(&dir, "s", "x&y"), method: AuthMethod::ClientSecretPost };
    let mut dressed = request();
    dressed.body = Some(b"token=abc".to_vec());
    login.dress(&mut dressed).unwrap();
    assert_eq!(dressed.body.as_deref(), Some(&b"token=abc&client_id=ci&client_secret=x%26y"[..]));
    assert_eq!(dressed.headers, [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]);
    assert!(dressed.secret_headers.is_empty());
}

#[test]
fn basic_and_header() {
    let dir = tempfile::tempdir().unwrap();
    let mut dressed = request();
    Login::Basic { username: "u".into(), password: file(&dir, "p", "pw") }.dress(&mut dressed).unwrap();
    assert_eq!(secret_header(&dressed), ("authorization".into(), "Basic dTpwdw==".into()));
    let mut dressed = request();
    let login = Login::Header { name: "X-Api-Key".into(), at: file(&dir, "k", "key") };
    login.dress(&mut dressed).unwrap();
    assert_eq!(secret_header(&dressed), ("X-Api-Key".into(), "key".into()));
    assert_eq!(login.value().unwrap().unwrap().expose(), "key");
    assert!(Login::None.value().unwrap().is_none());
}

#[test]
fn a_secret_that_no_header_can_carry_is_named_by_its_place_alone() {
    let dir = tempfile::tempdir().unwrap();
    let at = file(&dir, "t", "canary\nline");
    let told = Login::Header { name: "X".into(), at }.dress(&mut request()).unwrap_err().to_string();
    assert!(told.contains("/t cannot be sent in a header") && !told.contains("canary"), "{told}");
    let told = Login::Header { name: "X".into(), at: SecretRef::File("/nowhere/at/all".into()) }
        .dress(&mut request())
        .unwrap_err();
    assert!(told.to_string().contains("/nowhere/at/all"), "{told}");
}

#[test]
fn each_wrong_combination_has_its_sentence() {
    let some = || Some(SecretRef::Env("X".into()));
    let vault = [Accepted::Token { header: "X-Vault-Token".into(), prefix: String::new() }];
    let cases: [(LoginSection, &[Accepted], &str); 8] = [
        (empty(), &all(), "no form of login is written; write one of: token, basic, header, client_id"),
        (
            LoginSection { token: some(), client_id: Some("a".into()), client_secret: some(), ..empty() },
            &all(),
            "token and client_id are written; write exactly one form of login",
        ),
        (LoginSection { token: some(), ..empty() }, &[], "this issuer takes no login; leave `login` out"),
        (
            LoginSection { client_id: Some("a".into()), client_secret: some(), ..empty() },
            &vault,
            "this issuer takes no `client_id` login; write one of: token",
        ),
        (
            LoginSection { client_id: Some("a".into()), ..empty() },
            &all(),
            "client_secret is missing; write `client_secret: { file: PATH }` or `{ env: NAME }` beside client_id",
        ),
        (
            LoginSection { client_secret: some(), ..empty() },
            &all(),
            "client_id is missing; write `client_id: NAME` beside client_secret",
        ),
        (
            LoginSection { auth_method: Some(AuthMethod::ClientSecretPost), ..empty() },
            &all(),
            "client_id is missing; write `client_id: NAME` beside client_secret",
        ),
        (
            LoginSection {
                header: Some(HeaderSection { name: "X Y".into(), value: SecretRef::Env("X".into()) }),
                ..empty()
            },
            &all(),
            "header.name is not the name of an HTTP header; write for example X-Api-Key",
        ),
    ];
    for (section, accepted, sentence) in cases {
        assert_eq!(Login::build(Some(&section), accepted).unwrap_err(), [sentence]);
    }
    assert!(matches!(Login::build(None, &vault), Ok(Login::None)));
}
