//! `tls-server-end-point` of RFC 5929: the hash of the server's certificate that SCRAM-SHA-256-PLUS
//! binds the login to, so that a middleman with another certificate cannot pass it on.

use ring::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// DER tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// DER tag of an OBJECT IDENTIFIER.
const OBJECT_IDENTIFIER: u8 = 0x06;

/// Hash of the certificate by the hash of its own signature, with SHA-256 in place of MD5 and
/// SHA-1. `None` where RFC 5929 leaves it open (Ed25519, RSA-PSS); SCRAM then runs without.
pub(super) fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = hash_of_signature(signature_algorithm(certificate)?)?;
    Some(digest(algorithm, certificate).as_ref().to_vec())
}

/// The signature's algorithm of `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE,
/// signatureAlgorithm SEQUENCE { algorithm OBJECT IDENTIFIER, … }, … }`, as DER bytes.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (fields, _) = element(certificate, SEQUENCE)?;
    let (_, after_tbs) = element(fields, SEQUENCE)?;
    let (identifier, _) = element(after_tbs, SEQUENCE)?;
    let (oid, _) = element(identifier, OBJECT_IDENTIFIER)?;
    Some(oid)
}

/// Content of the DER element at the front, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // The long form: the low bits count the bytes of the length.
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |len, &byte| len << 8 | usize::from(byte)), rest)
    };
    rest.split_at_checked(len)
}

fn hash_of_signature(oid: &[u8]) -> Option<&'static Algorithm> {
    /// 1.2.840.113549.1.1: RSA with PKCS #1 v1.5.
    const PKCS1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1];
    /// 1.2.840.10045.4: ECDSA.
    const ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 4];
    let rsa = oid.strip_prefix(PKCS1);
    let ecdsa = oid.strip_prefix(ECDSA);
    match (rsa, ecdsa) {
        // MD5, SHA-1, SHA-256
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Some(&SHA256),
        (Some([12]), _) | (_, Some([3, 3])) => Some(&SHA384),
        (Some([13]), _) | (_, Some([3, 4])) => Some(&SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate's outline: an empty body and a signature algorithm.
    fn outline(oid: &[u8]) -> Vec<u8> {
        let wrap = |tag, content: &[u8]| {
            let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
            out.extend_from_slice(content);
            out
        };
        let identifier = wrap(SEQUENCE, &wrap(OBJECT_IDENTIFIER, oid));
        wrap(SEQUENCE, &[wrap(SEQUENCE, &[]), identifier].concat())
    }

    #[test]
    fn hash_follows_the_signature_algorithm() {
        let pkcs1 = |n| vec![0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, n];
        let ecdsa = |n| vec![0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, n];
        let cases = [
            (pkcs1(5), Some(32)),
            (pkcs1(11), Some(32)),
            (pkcs1(12), Some(48)),
            (pkcs1(13), Some(64)),
            (pkcs1(10), None), // RSA-PSS
            (ecdsa(2), Some(32)),
            (ecdsa(4), Some(64)),
            (vec![0x2B, 0x65, 0x70], None), // Ed25519
        ];
        for (oid, len) in cases {
            let hash = tls_server_end_point(&outline(&oid));
            assert_eq!(hash.map(|hash| hash.len()), len, "{oid:?}");
        }
    }

    #[test]
    fn truncated_certificate_has_no_end_point() {
        let whole = outline(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11]);
        for len in 0..whole.len() {
            assert_eq!(tls_server_end_point(&whole[..len]), None, "{len}");
        }
        assert_eq!(tls_server_end_point(&[0x30, 0xFF, 1, 2]), None);
    }
}
