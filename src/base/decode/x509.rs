//! Certificates (RFC 5280) from PEM or DER. Signatures are not checked: a certificate is read for what it says of itself.
//! In a PEM file only the sections of certificates are read; private keys beside them stay untouched.

use core::net::{Ipv4Addr, Ipv6Addr};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::DecodeError;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// One object per certificate: `subject, issuer, serial, not_before, not_after` (epoch seconds), `sans`, `ca`,
/// `self_signed`, `sha256`. Junk is an error, not an empty list; keys are not looked at, so a PEM file of nothing but a
/// key yields none.
pub fn decode(bytes: &[u8]) -> Result<Vec<Value>, DecodeError> {
    if find(bytes, b"-----BEGIN ").is_none() {
        return Ok(vec![
            certificate(bytes).map_err(|()| DecodeError("neither a PEM file nor one DER certificate".into()))?,
        ]);
    }
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, BEGIN) {
        let nth = found.len() + 1;
        let damaged = || DecodeError(format!("certificate {nth} of the PEM file is damaged"));
        let section = &rest[at..];
        let end = find(section, END).ok_or_else(damaged)? + END.len();
        let der = CertificateDer::from_pem_slice(&section[..end]).map_err(|_| damaged())?;
        found.push(certificate(&der).map_err(|()| damaged())?);
        rest = &section[end..];
    }
    Ok(found)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn certificate(der: &[u8]) -> Result<Value, ()> {
    let (rest, read) = X509Certificate::from_der(der).map_err(|_| ())?;
    if !rest.is_empty() {
        return Err(());
    }
    let sans: Vec<String> = match read.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().filter_map(name).collect(),
        _ => Vec::new(),
    };
    Ok(json!({
        "subject": read.subject().to_string(),
        "issuer": read.issuer().to_string(),
        "serial": hex(read.raw_serial()),
        "not_before": read.validity().not_before.timestamp(),
        "not_after": read.validity().not_after.timestamp(),
        "sans": sans,
        "ca": read.is_ca(),
        "self_signed": read.subject().as_raw() == read.issuer().as_raw(),
        "sha256": hex(ring::digest::digest(&ring::digest::SHA256, der).as_ref()),
    }))
}

/// A name as people write it; kinds that people do not write are left out.
fn name(of: &GeneralName<'_>) -> Option<String> {
    match of {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some((*text).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(four) => Some(Ipv4Addr::from(four).to_string()),
            Err(_) => <[u8; 16]>::try_from(*bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).to_string()),
        },
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, SanType, date_time_ymd,
    };

    use super::*;

    struct Minted {
        pem: String,
        der: Vec<u8>,
        key: String,
    }

    fn minted(name: &str, ca: bool) -> Minted {
        let mut params = CertificateParams::new(vec!["ci.example.com".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.push(SanType::IpAddress("192.0.2.7".parse().unwrap()));
        params.subject_alt_names.push(SanType::IpAddress("2001:db8::7".parse().unwrap()));
        params.not_before = date_time_ymd(2026, 3, 1);
        params.not_after = date_time_ymd(2027, 3, 1);
        params.serial_number = Some(vec![0x12, 0xab].into());
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        Minted { pem: cert.pem(), der: cert.der().to_vec(), key: key.serialize_pem() }
    }

    #[test]
    fn a_certificate_is_read_from_der_and_pem() {
        let cert = minted("ci", false);
        let read = decode(&cert.der).unwrap();
        assert_eq!(decode(cert.pem.as_bytes()).unwrap(), read);
        assert_eq!(decode(cert.pem.replace('\n', "\r\n").as_bytes()).unwrap(), read);
        let mut one = read[0].clone();
        let sha256 = one.as_object_mut().unwrap().remove("sha256").unwrap();
        assert_eq!(sha256, hex(ring::digest::digest(&ring::digest::SHA256, &cert.der).as_ref()));
        assert_eq!(
            one,
            json!({
                "subject": "CN=ci", "issuer": "CN=ci", "serial": "12ab",
                "not_before": 1_772_323_200, "not_after": 1_803_859_200,
                "sans": ["ci.example.com", "192.0.2.7", "2001:db8::7"], "ca": false, "self_signed": true,
            })
        );
    }

    #[test]
    fn a_bundle_gives_each_certificate_in_order() {
        let (leaf, root) = (minted("leaf", false), minted("root", true));
        let bundle = format!("a comment\n{}{}{}", leaf.pem, leaf.key, root.pem);
        let read = decode(bundle.as_bytes()).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((&read[0]["subject"], &read[0]["ca"]), (&json!("CN=leaf"), &json!(false)));
        assert_eq!((&read[1]["subject"], &read[1]["ca"]), (&json!("CN=root"), &json!(true)));
    }

    #[test]
    fn keys_are_not_looked_at() {
        let cert = minted("ci", false);
        let junk = "-----BEGIN PRIVATE KEY-----\n!!! no base64 !!!\n-----END PRIVATE KEY-----\n";
        assert_eq!(decode(format!("{junk}{}", cert.pem).as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn junk_is_an_error_and_never_an_empty_list() {
        let cert = minted("ci", false);
        let told = |bytes: &[u8]| decode(bytes).unwrap_err().0;
        assert_eq!(told(b""), "neither a PEM file nor one DER certificate");
        assert_eq!(told(b"S3CRET"), "neither a PEM file nor one DER certificate");
        assert_eq!(told(&[&cert.der[..], b"x"].concat()), "neither a PEM file nor one DER certificate");
        assert_eq!(told(&cert.der[..100]), "neither a PEM file nor one DER certificate");
        assert_eq!(decode(cert.key.as_bytes()), Ok(vec![]), "a key is not looked at");
        let half = &cert.pem[..cert.pem.len() / 2];
        assert_eq!(told(half.as_bytes()), "certificate 1 of the PEM file is damaged");
        let broken = cert.pem.replacen("MII", "!!!", 1);
        assert_eq!(told(format!("{}{broken}", cert.pem).as_bytes()), "certificate 2 of the PEM file is damaged");
    }

    proptest! {
        #[test]
        fn any_change_of_a_certificate_is_answered(at in 0usize..400, byte: u8) {
            let mut der = minted("ci", false).der;
            let at = at % der.len();
            der[at] = byte;
            let _ = decode(&der);
        }
    }
}
