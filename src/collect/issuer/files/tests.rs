//! Walks over real files: what is read, what is unread, what is merely gone.

use std::os::unix::fs::PermissionsExt;

use super::bytes::MOST;
use std::path::Path;

use super::*;
use crate::collect::issuer::walk::tests::stage::{self, Walk};
use crate::domain::observation::Origin;

const X509: &str = "source: files\nkinds: { certificate: { title: certificate } }\nrequests:\n  - { name: file, mode: inventory, \
                    decode: x509, kind: certificate, program: '.[] | { id: .sha256, name: $name, expires: .not_after }' }\n";

fn pem(name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2030, 3, 1);
    params.self_signed(&key).unwrap().pem()
}

async fn walk_over(patterns: &[String]) -> Walk {
    let mut collector = stage::collector(&stage::definition(X509), None);
    collector.settings.files = patterns.to_vec();
    stage::round(&collector, &stage::cx()).await
}

fn said(walk: &Walk, dir: &tempfile::TempDir) -> String {
    walk.listings().join("\n").replace(dir.path().to_str().unwrap(), "DIR")
}

#[tokio::test]
async fn certificates_under_a_glob_are_tokens_each_in_a_listing_of_its_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::fs::write(dir.path().join("a.pem"), pem("a")).unwrap();
    std::fs::write(dir.path().join("sub/b.pem"), pem("b")).unwrap();
    let walk = walk_over(&[format!("{}/**/*.pem", dir.path().display())]).await;
    insta::assert_snapshot!(said(&walk, &dir), @r"
    files/DIR/**/*.pem Whole
    files/DIR/**/*.pem>DIR/a.pem Whole
    files/DIR/**/*.pem>DIR/sub/b.pem Whole
    ");
    assert_eq!(walk.end().coverage, Coverage::Whole);
    let records = walk.records();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.origin == Origin::Inventory && record.expires.at().is_some()));
    let named = |place: &str| {
        let found = records.iter().find(|record| record.place.as_str().ends_with(place));
        found.map(|record| record.name.as_str())
    };
    assert_eq!((named("/a.pem"), named("/sub/b.pem")), (Some("a"), Some("sub/b")), "the path under the glob");
    std::fs::remove_file(dir.path().join("a.pem")).unwrap();
    let walk = walk_over(&[format!("{}/**/*.pem", dir.path().display())]).await;
    insta::assert_snapshot!(said(&walk, &dir), @r"
    files/DIR/**/*.pem Whole
    files/DIR/**/*.pem>DIR/sub/b.pem Whole
    ");
}

#[tokio::test]
async fn rule_3_2_what_cannot_be_read_is_unread_and_not_absent() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.pem"), pem("a")).unwrap();
    std::fs::write(dir.path().join("junk.pem"), "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
        .unwrap();
    std::fs::write(dir.path().join("huge.pem"), vec![b'x'; MOST as usize + 1]).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("dead.pem")).unwrap();
    let walk = walk_over(&[format!("{}/*.pem", dir.path().display())]).await;
    insta::assert_snapshot!(said(&walk, &dir), @r"
    files/DIR/*.pem Whole
    files/DIR/*.pem>DIR/a.pem Whole
    files/DIR/*.pem>DIR/dead.pem Failed { reason: NotFound }
    files/DIR/*.pem>DIR/huge.pem Failed { reason: TooLarge }
    files/DIR/*.pem>DIR/junk.pem Failed { reason: Decode }
    ");
    assert_eq!(walk.end().coverage, Coverage::Partial { read: 2, missed: 3, reason: FailureReason::NotFound });
    let detail = walk.end().detail.as_ref().unwrap().as_str().replace(dir.path().to_str().unwrap(), "DIR");
    assert_eq!(detail, "DIR/dead.pem: No such file or directory (os error 2)");
}

#[tokio::test]
async fn a_named_file_that_is_missing_is_a_failure_and_a_named_one_is_explicit() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.pem"), pem("a")).unwrap();
    let path = |name: &str| format!("{}/{name}", dir.path().display());
    let walk = walk_over(&[path("a.pem"), path("b.pem")]).await;
    insta::assert_snapshot!(said(&walk, &dir), @r"
    files/DIR/a.pem Whole
    files/DIR/b.pem Failed { reason: NotFound }
    ");
    assert_eq!(walk.records()[0].origin, Origin::Inspect);
    let walk = walk_over(&[path("absent/*.pem")]).await;
    assert_eq!(walk.end().coverage, Coverage::Failed { reason: FailureReason::NotFound });
}

#[tokio::test]
async fn jwts_are_read_from_named_values_without_leaving_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let jwt = "source: files\nkinds: { jwt: { title: token } }\nfields: { no_expiry: never }\nrequests:\n  - { name: file, mode: inventory, decode: jwt, \
               kind: jwt, program: '{ name: $name, expires: .claims.exp }' }\n";
    let mut collector = stage::collector(&stage::definition(jwt), None);
    // {"alg":"none"} . {"exp":1900000000,"note":"canary"}
    let value = "eyJhbGciOiJub25lIn0.eyJleHAiOjE5MDAwMDAwMDAsIm5vdGUiOiJjYW5hcnkifQ.c2ln";
    collector.settings.inspect = vec![
        ("deploy-bot".into(), stage::secret(&dir, "jwt", value)),
        ("gone".into(), crate::base::secret::SecretRef::File(dir.path().join("absent"))),
    ];
    let walk = stage::round(&collector, &stage::cx()).await;
    let records = walk.records();
    assert_eq!(
        (records[0].name.as_str(), records[0].expires.at().map(|at| at.timestamp())),
        ("deploy-bot", Some(1_900_000_000))
    );
    assert_eq!(records[0].value.as_ref(), Some(&records[0].generation));
    assert!(!format!("{:?}", walk.pages).contains("eyJ"));
    insta::assert_snapshot!(said(&walk, &dir), @r"
    inspect/deploy-bot Whole
    inspect/gone Failed { reason: NotFound }
    ");
}

#[test]
fn only_regular_files_of_bearable_size_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    std::fs::write(&path, vec![b'x'; MOST as usize]).unwrap();
    assert_eq!(bytes::read(&path).unwrap().len() as u64, MOST);
    std::fs::write(&path, vec![b'x'; MOST as usize + 1]).unwrap();
    assert_eq!(bytes::read(&path).unwrap_err().0, FailureReason::TooLarge);
    assert_eq!(bytes::read(dir.path()).unwrap_err().0, FailureReason::Decode);
    assert_eq!(bytes::read(Path::new("/dev/zero")).unwrap_err().0, FailureReason::Decode);
    assert_eq!(bytes::read(&dir.path().join("absent")).unwrap_err().0, FailureReason::NotFound);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // A test that runs as root may read it all the same.
    assert!(matches!(bytes::read(&path), Err((FailureReason::Forbidden | FailureReason::TooLarge, _))));
}

#[test]
fn a_path_cannot_forge_a_listing() {
    assert_eq!(bytes::part("/a>b%c\n"), "/a%3Eb%25c\u{FFFD}");
}

#[tokio::test]
async fn every_file_is_told_with_what_became_of_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.pem"), "canary").unwrap();
    let missing = dir.path().join("absent.pem");
    let walk = walk_over(&[format!("{}/*.pem", dir.path().display()), missing.display().to_string()]).await;
    let did = walk.did.as_ref().unwrap();
    let told: Vec<_> = did
        .poll
        .requests
        .iter()
        .map(|r| {
            let failure = r.failure.map_or("-", FailureReason::as_str);
            format!("{} {} {failure}", r.method, r.path.as_str().replace(&dir.path().display().to_string(), "."))
        })
        .collect();
    assert_eq!(told, ["FIND ./*.pem -", "READ ./a.pem decode", "READ ./absent.pem not_found"]);
    assert!(!format!("{did:?}").contains("canary"));
}
