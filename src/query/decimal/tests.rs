use super::*;
use bigdecimal::BigDecimal;
use proptest::prelude::*;

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn text_keeps_its_scale() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("0", "0"), ("0.00", "0.00"), ("-1.50", "-1.50"), (".5", "0.5"), ("5.", "5"), ("+7", "7"),
        ("1e3", "1000"), ("1.5e-3", "0.0015"), ("-0", "0"), ("00012", "12"),
        ("123456789012345678901234567890.123", "123456789012345678901234567890.123"),
    ];
    for (text, shown) in cases {
        assert_eq!(d(text).to_string(), shown);
    }
    for text in ["", "-", ".", "1.2.3", "NaN", "1e", "0x1", "1 2"] {
        assert!(text.parse::<Decimal>().is_err(), "{text}");
    }
}

#[test]
fn bytes_are_two_s_complement() {
    assert_eq!(Decimal::from_be_bytes(&[125], 2).to_string(), "1.25");
    assert_eq!(Decimal::from_be_bytes(&[0xff, 0x85], 2).to_string(), "-1.23");
    assert_eq!(Decimal::from_be_bytes(&[], 0), Decimal::ZERO);
    assert_eq!(Decimal::from_be_bytes(&[5], -2).to_string(), "500");
    let long = [0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(Decimal::from_be_bytes(&long, 0).to_string(), "-2361183241434822606848");
}

#[test]
fn quotients_have_the_scale_of_postgresql() {
    // Each as PostgreSQL 15 prints it.
    #[rustfmt::skip] // one case a line
    let cases = [
        ("1", "3", "0.33333333333333333333"),
        ("2", "3", "0.66666666666666666667"),
        ("10", "2", "5.0000000000000000"),
        ("1", "10000", "0.000100000000000000000000"),
        ("100000", "7", "14285.714285714286"),
        ("1.50", "0.3", "5.0000000000000000"),
        ("-7", "2", "-3.5000000000000000"),
    ];
    for (left, right, quotient) in cases {
        assert_eq!(d(left).divide(&d(right)).unwrap().to_string(), quotient, "{left} / {right}");
    }
    assert_eq!(d("1").divide(&d("0.00")), None);
}

#[test]
fn rounding_is_half_away_from_zero() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("2.5", 0, "3"), ("-2.5", 0, "-3"), ("2.449", 1, "2.4"), ("1250", -2, "1300"), ("49", -2, "0"),
        ("50", -2, "100"), ("1.2", 3, "1.200"), ("99999999999999999999.5", 0, "100000000000000000000"),
        ("5", -5, "0"),
    ];
    for (number, digits, rounded) in cases {
        assert_eq!(d(number).round(digits).to_string(), rounded, "{number} {digits}");
    }
    assert_eq!(d("-1.7").truncate(0).to_string(), "-1");
    assert_eq!((d("-1.7").ceil(), d("-1.7").floor()), (d("-1"), d("-2")));
    assert_eq!((d("1.0").ceil(), d("1.0").floor()), (d("1"), d("1")));
    assert_eq!(d("999.995").fit(5, 2), None);
    assert_eq!(d("999.994").fit(5, 2), Some(d("999.99")));
}

#[test]
fn floats_become_their_shortest_digits_up_to_a_limit() {
    assert_eq!(Decimal::from_float(0.1, 15), Some(d("0.1")));
    assert_eq!(Decimal::from_float(1e21, 15), Some(d("1000000000000000000000")));
    assert_eq!(Decimal::from_float(-1234.5, 15), Some(d("-1234.5")));
    assert_eq!(Decimal::from_float(100.0, 15), Some(d("100")));
    assert_eq!(Decimal::from_float(f64::NAN, 15), None);
}

fn number() -> impl Strategy<Value = String> {
    "-?[0-9]{1,30}(\\.[0-9]{1,12})?|-?[0-9]{1,6}(\\.[0-9]{1,4})?"
}

proptest! {
    #[test]
    fn arithmetic_agrees_with_another_implementation(left in number(), right in number()) {
        let (a, b) = (d(&left), d(&right));
        let (x, y): (BigDecimal, BigDecimal) = (left.parse().unwrap(), right.parse().unwrap());
        let same = |ours: Decimal, theirs: BigDecimal| {
            ours.to_string().parse::<BigDecimal>().unwrap() == theirs
        };
        prop_assert!(same(a.add(&b), &x + &y));
        prop_assert!(same(a.subtract(&b), &x - &y));
        prop_assert!(same(a.multiply(&b), &x * &y));
        prop_assert_eq!(a.compare(&b), x.cmp(&y));
        prop_assert!(a.canonical().compare(&a).is_eq());
        if !b.is_zero() {
            let quotient = a.divide(&b).unwrap();
            let error = (quotient.to_string().parse::<BigDecimal>().unwrap() * &y - &x).abs();
            let half: BigDecimal = format!("0.5e-{}", quotient.scale()).parse().unwrap();
            prop_assert!(error <= half * y.abs());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[-+0-9.eE]*") {
        if let Ok(number) = text.parse::<Decimal>() {
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
        }
    }
}
