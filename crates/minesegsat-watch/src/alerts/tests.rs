//! Tests of findings, tables and configuration. `tests/alerts.rs` tests sending.

use std::path::Path;

use jiff::{Timestamp, ToSpan, civil::Date};
use minesegsat_page::words::Language;
use rusqlite::Connection;

use super::letter::Letter;
use super::*;
use crate::register::{Area, NewLand, Observation, Site, SiteId, SiteStatus, Verdict};

fn observation(date: &str, verdict: Verdict) -> Observation {
    Observation {
        site: "north-pit".parse().unwrap(),
        date: date.parse().unwrap(),
        scenes: vec![format!("S2B_{date}")],
        model_sha256: "00ff".to_owned(),
        share_assessed: 0.97,
        share_beyond_map: None,
        share_in_other_sites: None,
        share_disagreeing: None,
        boundary_sha256: None,
        permit_sha256: None,
        area: Some(Area { ha: 123.4, lower_ha: 110.0, upper_ha: 140.0 }),
        confidence_level_percent: 90.0,
        parts: None,
        details: None,
        seen_change: None,
        compared_with: None,
        gain_ha: None,
        loss_ha: None,
        outside_permit_ha: Some(0.0),
        permit: Some("M-225".to_owned()),
        limit_ha: Some(120.0),
        verdict,
        is_provisional: None,
        new_land: None,
        statement: "123.4 ha are disturbed".to_owned(),
        warnings: Vec::new(),
        files: Vec::new(),
        created: "2024-01-01T00:00:00Z".parse().unwrap(),
    }
}

/// Finding kinds of each observation in a series.
fn kinds(series: &[Observation]) -> Vec<Vec<FindingKind>> {
    let rules = Rules::above(0.5);
    series.iter().map(|o| findings_of(o, series, &rules).iter().map(|f| f.kind).collect()).collect()
}

#[test]
fn a_verdict_is_news_when_it_changes_and_once_more_when_dates_confirm_it() {
    use Verdict::{Exceeded, NotAssessable, PossibleExceedance, Within};
    let verdicts = [
        Within,
        PossibleExceedance,
        PossibleExceedance,
        Exceeded,
        NotAssessable,
        Exceeded,
        PossibleExceedance,
        Within,
        Exceeded,
    ];
    let series: Vec<_> =
        verdicts.iter().zip(1..).map(|(&verdict, month)| observation(&format!("2023-0{month}-01"), verdict)).collect();
    let (e, p) = (FindingKind::Exceeded, FindingKind::PossibleExceedance);
    let expected = [vec![], vec![p], vec![p], vec![e], vec![], vec![e], vec![], vec![], vec![e]];
    assert_eq!(kinds(&series), expected);
    let first = findings_of(&series[3], &[], &Rules::above(0.5));
    assert_eq!((first[0].kind, first[0].previous_verdict), (e, None), "a site may begin above its limit");
    let other = Observation { site: "south-pit".parse().unwrap(), ..series[3].clone() };
    assert_eq!(findings_of(&other, &series, &Rules::above(0.5))[0].previous_verdict, None, "other sites do not count");
}

#[test]
fn the_same_verdict_on_another_permit_or_limit_is_news() {
    let first = observation("2023-01-01", Verdict::Exceeded);
    let limit = Observation { limit_ha: Some(121.0), ..observation("2023-02-01", Verdict::Exceeded) };
    let permit = Observation { permit: Some("M-226".into()), ..observation("2023-03-01", Verdict::Exceeded) };
    let e = vec![FindingKind::Exceeded];
    assert_eq!(kinds(&[first, limit, permit]), [e.clone(), e.clone(), e]);
}

#[test]
fn land_outside_the_permit_is_news_when_it_appears_and_when_it_grows_however_slowly() {
    let at = |month: u32, ha: f64| Observation {
        outside_permit_ha: Some(ha),
        ..observation(&format!("2023-{month:02}-01"), Verdict::Within)
    };
    let series: Vec<_> =
        [0.4, 2.0, 2.3, 2.4, 2.6, 1.0, 2.6, 0.2, 2.0].iter().zip(1..).map(|(&ha, m)| at(m, ha)).collect();
    let (o, none) = (vec![FindingKind::OutsidePermit], vec![]);
    // 2.3 confirms 2.0. 2.6 exceeds 2.0 by more than the floor of 0.5, although no single step does, and is confirmed two dates
    // later. 0.2 resets the level.
    let expected = [&none, &o, &o, &none, &o, &none, &o, &none, &o].map(Clone::clone);
    assert_eq!(kinds(&series), expected);
}

#[test]
fn a_gain_is_news_per_date_that_is_compared_with() {
    let at = |date: &str, ha: f64, compared_with: &str| Observation {
        gain_ha: Some(ha),
        compared_with: Some(compared_with.parse().unwrap()),
        ..observation(date, Verdict::NoLimit)
    };
    let (g, none) = (vec![FindingKind::Gain], vec![]);
    let baseline =
        [at("2023-01-01", 5.0, "2020-01-01"), at("2023-02-01", 5.2, "2020-01-01"), at("2023-03-01", 9.0, "2020-01-01")];
    assert_eq!(kinds(&baseline), [&g, &none, &g].map(Clone::clone));
    let steps =
        [at("2023-01-01", 5.0, "2022-12-01"), at("2023-02-01", 5.0, "2023-01-01"), at("2023-03-01", 0.0, "2023-02-01")];
    assert_eq!(kinds(&steps), [&g, &g, &none].map(Clone::clone));
}

#[test]
fn a_site_without_any_scene_is_told_of_once_with_the_key_that_an_observation_would_have() {
    let site = Site {
        id: "north-pit".parse().unwrap(),
        name: "North".to_owned(),
        operator: None,
        commodity: None,
        status: SiteStatus::Active,
        boundary: geo::MultiPolygon(Vec::new()),
    };
    let day = |text: &str| text.parse().unwrap();
    let rules = Rules::above(0.5);
    let seen = [observation("2023-01-01", Verdict::Within), observation("2023-02-01", Verdict::NotAssessable)];
    let found = |earlier: &[Observation], from: Option<&str>, today: &str| {
        out_of_sight(&site, earlier, from.map(day), day(today), &rules, 90.0, "00ff")
    };
    assert_eq!(found(&seen, None, "2023-06-29"), None, "179 days");
    let told = found(&seen, None, "2023-06-30").unwrap();
    assert_eq!((told.since, told.previous_verdict), (Some(day("2023-01-01")), Some(Verdict::Within)));
    let later = observation("2023-08-01", Verdict::NotAssessable);
    assert_eq!(findings_of(&later, &seen, &rules)[0].key(), told.key());
    // Never seen: the time counts from the first observation, or from the start of the search.
    assert_eq!(found(&seen[1..], None, "2023-12-01").unwrap().since, Some(day("2023-02-01")));
    assert_eq!(found(&[], None, "2023-12-01"), None);
    let never = found(&[], Some("2023-01-01"), "2023-12-01").unwrap();
    assert!(never.statement.contains("it was not seen since 2023-01-01"), "{}", never.statement);
}

#[test]
fn a_site_out_of_sight_is_news_once_per_time_out_of_sight() {
    let start: Date = "2022-01-01".parse().unwrap();
    let at = |days: i32, verdict| observation(&(start + days.days()).to_string(), verdict);
    let no = Verdict::NotAssessable;
    let series = [
        at(0, no),
        at(100, no),
        at(180, no),
        at(300, no), // never seen
        at(310, Verdict::Within),
        at(400, no),
        at(480, no),
        at(500, no), // seen once, then 190 days not
        at(510, Verdict::Within),
    ];
    let n = FindingKind::NotAssessable;
    let expected = [vec![], vec![], vec![n], vec![], vec![], vec![], vec![], vec![n], vec![]];
    assert_eq!(kinds(&series), expected);
    let finding = &findings_of(&series[7], &series, &Rules::above(0.5))[0];
    assert_eq!(finding.since, Some(series[4].date));
    // A date that arrives late does not report the same period again.
    let late = at(495, no);
    assert_eq!(findings_of(&late, &series, &Rules::above(0.5))[0].key(), finding.key());
}

/// The plain text of a mail about a finding.
fn text(finding: &Finding) -> String {
    let words = Language::English.words();
    Letter::new("id", std::slice::from_ref(finding), &AlertConfig::default(), &(), false, words).text
}

/// Sites with a name that tries to be markup, and a picture per day.
struct Known;

impl Sites for Known {
    fn name(&self, site: &SiteId) -> Option<String> {
        Some(format!("<b>{site}</b>\n& more"))
    }

    fn picture(&self, finding: &Finding) -> Option<Thumbnail> {
        Some(Thumbnail {
            png: finding.date.to_string().into_bytes(),
            width: 100,
            height: 60,
            date: finding.date,
            has_boundary: true,
            change_since: Some("2020-01-01".parse().unwrap()),
        })
    }
}

/// A finding of each kind and standing.
fn all_findings() -> Vec<Finding> {
    let rules = Rules::above(0.5);
    let o = observation("2023-06-01", Verdict::Exceeded);
    let model = findings_of(&o, &[], &rules).remove(0);
    let day = |text: &str| -> Option<Date> { Some(text.parse().unwrap()) };
    let mut findings = Vec::new();
    for kind in FindingKind::ALL {
        for standing in [None, Some(Standing::Provisional), Some(Standing::Confirmed), Some(Standing::Withdrawn)] {
            let compared_with = day("2020-01-01").filter(|_| kind == FindingKind::Gain);
            findings.push(Finding { kind, standing, compared_with, ..model.clone() });
        }
    }
    let unseen = Finding {
        kind: FindingKind::NotAssessable,
        standing: None,
        verdict: Verdict::NotAssessable,
        since: day("2022-06-01"),
        scenes: Vec::new(),
        area: None,
        permit: None,
        ..model.clone()
    };
    findings.push(unseen.clone());
    findings.push(Finding { previous_verdict: Some(Verdict::Within), ..unseen });
    let corrected = Finding { kind: FindingKind::Corrected, standing: None, ..model };
    findings.push(Finding { previous_verdict: Some(Verdict::NoLimit), found_ha: None, limit_ha: None, ..corrected });
    findings.push(Finding::test("test".parse().unwrap(), now()));
    findings
}

#[test]
fn every_finding_is_said_in_every_language() {
    for language in Language::ALL {
        for finding in all_findings() {
            let findings = std::slice::from_ref(&finding);
            let letter = Letter::new("id", findings, &AlertConfig::default(), &Known, true, language.words());
            for words in [&letter.subject, &letter.text] {
                // Keys without words, and values that were not given.
                assert!(!words.contains("alert-") && !words.contains('{'), "{language}: {words}");
                assert!(!words.contains(['\u{a0}', '\u{202f}']), "{language}: {words:?}");
            }
            assert!(letter.html.contains(&format!("lang=\"{language}\"")), "{}", letter.html);
            let is_english = letter.text.contains("\nAlert: ");
            assert_eq!(is_english, language == Language::English, "{}", letter.text);
        }
    }
    let spanish = |finding: &Finding| {
        let words = Language::Spanish.words();
        Letter::new("id", std::slice::from_ref(finding), &AlertConfig::default(), &(), false, words)
    };
    let exceeded = &findings_of(&observation("2023-06-01", Verdict::Exceeded), &[], &Rules::above(0.5))[0];
    let letter = spanish(exceeded);
    assert_eq!(letter.subject, "[minesegsat] north-pit: límite de 120 ha superado (provisional), 1 de junio de 2023");
    for line in [
        "Superficie alterada: 123,4 ha (intervalo del 90 %: 110,0 a 140,0 ha)",
        "Permiso: M-225, límite 120 ha",
        "Texto del registro, en inglés: 123.4 ha are disturbed",
    ] {
        assert!(letter.text.lines().any(|l| l == line), "{line} in\n{}", letter.text);
    }
    assert!(letter.text.contains("\nEl 1 de junio de 2023 había 123,4 ha de superficie alterada"), "{}", letter.text);
}

#[test]
fn a_letter_tells_what_is_urgent_first_and_shows_each_picture_once() {
    let rules = Rules::above(0.5);
    let at = |site: &str, date: &str, verdict: Verdict| Observation {
        site: site.parse().unwrap(),
        gain_ha: Some(5.0),
        compared_with: Some("2020-01-01".parse().unwrap()),
        ..observation(date, verdict)
    };
    let found = |o: Observation| findings_of(&o, &[], &rules);
    let mut findings = found(at("a", "2023-06-01", Verdict::Within));
    findings.extend(found(at("b", "2023-06-02", Verdict::PossibleExceedance)));
    findings.extend(found(at("c", "2023-06-03", Verdict::Exceeded)));
    assert_eq!(findings.len(), 5);
    let config = config("public_url = 'https://example.org/mines/'");
    let write = |findings: &[Finding], pictures: bool| {
        Letter::new("m", findings, &config, &Known, pictures, Language::English.words())
    };
    let letter = write(&findings, true);
    assert_eq!(
        letter.subject,
        "[minesegsat] 5 findings, first <b>c</b> & more: limit of 120 ha exceeded (provisional), 2023-06-03"
    );
    assert!(letter.text.starts_with("5 findings at 3 sites.\n\nSite: <b>c</b> & more\n"), "{}", letter.text);
    let sites: Vec<&str> = letter.text.lines().filter_map(|line| line.strip_prefix("Id of the site: ")).collect();
    assert_eq!(sites, ["c", "c", "b", "b", "a"], "the findings of a site stand together");
    assert!(
        letter.html.contains("<h2 style=\"margin: 32px 0 8px; font-size: 22px;\">&lt;b&gt;c&lt;/b&gt; &amp; more</h2>")
    );
    assert!(letter.html.contains("href=\"https://example.org/mines/#site=c\""), "{}", letter.html);
    assert!(letter.text.contains("\nSite on the map page: https://example.org/mines/#site=c\n"), "{}", letter.text);
    // Two findings of one day have one picture.
    let ids: Vec<&str> = letter.pictures.iter().map(|picture| picture.content_id.as_str()).collect();
    assert_eq!(ids, ["picture-1.m@minesegsat", "picture-2.m@minesegsat", "picture-3.m@minesegsat"]);
    assert!(ids.iter().all(|id| letter.html.matches(&format!("src=\"cid:{id}\"")).count() == 1), "{}", letter.html);
    assert!(letter.html.contains("width=\"300\" height=\"180\""), "small pictures are enlarged: {}", letter.html);
    // The page begins with what was found. The second finding of a day does not tell its numbers again.
    let start = letter.html.split("<h2").next().unwrap();
    assert_eq!(start.matches("<li>").count(), 5, "{start}");
    assert!(start.contains("<li>Limit of 120\u{a0}ha exceeded (provisional) · 2023-06-03</li>"), "{start}");
    assert_eq!(letter.html.matches("90\u{a0}% interval").count(), 3, "{}", letter.html);
    assert_eq!(letter.html.matches("Alert: alert_").count(), 5, "{}", letter.html);
    assert_eq!(letter.text.matches("\nAlert: alert_").count(), 5, "the text is whole for each finding");
    // A long name does not hide what was found.
    let long = Finding { site: "l".repeat(64).parse().unwrap(), ..findings[0].clone() };
    let subject = Letter::new("m", &[long], &config, &(), false, Language::English.words()).subject;
    assert!(subject.starts_with("[minesegsat] lll") && subject.contains("l…: 5.0 ha newly"), "{subject}");
    let bare = write(&findings, false);
    assert!(bare.pictures.is_empty() && !bare.html.contains("<img"), "{}", bare.html);

    // A withdrawn exceedance is less urgent than land that is newly disturbed.
    let withdrawn = Finding { standing: Some(Standing::Withdrawn), ..findings.remove(3) };
    let letter = write(&[withdrawn, findings.remove(0)], false);
    assert!(
        letter.subject.starts_with("[minesegsat] 2 findings, first <b>a</b> & more: 5.0 ha newly"),
        "{}",
        letter.subject
    );
}

#[test]
fn texts_keep_possible_and_say_that_a_revision_may_be_missing() {
    let rules = Rules::above(0.5);
    for verdict in Verdict::ALL {
        for previous in Verdict::ALL {
            let mut o = observation("2023-06-01", verdict);
            (o.outside_permit_ha, o.gain_ha) = (Some(3.0), Some(2.0));
            for finding in findings_of(&o, &[observation("2023-05-01", previous)], &rules) {
                let (title, text, json) = (finding.title(), text(&finding), finding.payload().to_string());
                for words in [&title, &text] {
                    let exceedance = words.matches("exceedance").count();
                    assert_eq!(words.matches("possible exceedance").count(), exceedance, "{words}");
                }
                let exceeds = text.contains("exceed") || finding.kind == FindingKind::OutsidePermit;
                for words in [&text, &json] {
                    assert_eq!(words.contains("revision of the permit may be missing"), exceeds, "{words}");
                }
                assert!(text.contains(&finding.id()) && json.contains(&finding.id()));
            }
        }
    }
    let possible = &findings_of(&observation("2023-06-01", Verdict::PossibleExceedance), &[], &rules)[0];
    assert_eq!(possible.title(), "north-pit: possible exceedance of the limit of 120 ha (provisional), 2023-06-01");
    let payload = possible.payload();
    assert_eq!(payload["type"], "finding.possible_exceedance");
    assert_eq!(payload["data"]["kind"], "possible-exceedance");
    assert_eq!(payload["data"]["area"]["upper_ha"], 140.0);
    assert_eq!(payload["timestamp"], "2024-01-01T00:00:00Z");
}

/// Kinds and standings of each observation in a series.
fn told(series: &[Observation]) -> Vec<Vec<(FindingKind, Option<Standing>)>> {
    let rules = Rules::above(0.5);
    series.iter().map(|o| findings_of(o, series, &rules).iter().map(|f| (f.kind, f.standing)).collect()).collect()
}

#[test]
fn a_provisional_exceedance_that_the_next_dates_do_not_show_is_withdrawn() {
    use Verdict::{Exceeded, Within};
    let verdicts = [Exceeded, Within, Within, Within];
    let series: Vec<_> =
        verdicts.iter().zip(1..).map(|(&verdict, month)| observation(&format!("2023-0{month}-01"), verdict)).collect();
    let e = |standing| (FindingKind::Exceeded, Some(standing));
    assert_eq!(told(&series), [vec![e(Standing::Provisional)], vec![], vec![e(Standing::Withdrawn)], vec![]]);
    let withdrawn = &findings_of(&series[2], &series, &Rules::above(0.5))[0];
    assert_eq!(withdrawn.title(), "north-pit: withdrawn: limit of 120 ha exceeded, 2023-03-01");
    assert!(withdrawn.key().ends_with("/withdrawn") && text(withdrawn).contains("Standing: withdrawn\n"));
    assert!(withdrawn.caveat().is_some());
    assert_eq!(withdrawn.payload()["data"]["standing"], "withdrawn");
    // The first date has the key of versions that told each finding once.
    assert_eq!(findings_of(&series[0], &[], &Rules::above(0.5))[0].key(), "north-pit/exceeded/2023-01-01/M-225");
    let rules = Rules::above(0.5);
    assert_eq!(standing_of(&series[0], &series, &rules), Some(Standing::Provisional));
    assert_eq!(standing_of(&series[1], &series, &rules), None);
    let second = observation("2023-02-01", Exceeded);
    assert_eq!(standing_of(&second, &series[..1], &rules), Some(Standing::Confirmed));
}

#[test]
fn new_land_of_a_series_is_confirmed_by_its_pixels() {
    use Standing::{Confirmed, Provisional, Withdrawn};

    let at = |month: u32, confirmed_ha: f64, provisional_ha: f64| Observation {
        new_land: Some(NewLand { since: "2020-01-01".parse().unwrap(), confirmed_ha, provisional_ha }),
        // Each date is also compared with another one, which is no news beside the series.
        gain_ha: Some(5.0),
        compared_with: Some(format!("2022-{month:02}-01").parse().unwrap()),
        ..observation(&format!("2023-{month:02}-01"), Verdict::NoLimit)
    };
    let series = [at(1, 0.0, 3.0), at(2, 0.1, 3.0), at(3, 3.1, 0.1), at(4, 3.1, 2.0), at(5, 3.1, 0.2), at(6, 3.1, 0.0)];
    let g = |standing| vec![(FindingKind::Gain, Some(standing))];
    assert_eq!(told(&series), [g(Provisional), vec![], g(Confirmed), g(Provisional), g(Withdrawn), vec![]]);
    let first = &findings_of(&series[0], &[], &Rules::above(0.5))[0];
    assert_eq!(first.title(), "north-pit: 3.0 ha newly disturbed since 2020-01-01 (provisional), 2023-01-01");
}

#[test]
fn texts_of_permits_and_statements_cannot_forge_lines() {
    let mut o = observation("2023-06-01", Verdict::Exceeded);
    (o.permit, o.statement) = (Some("M\nVerdict: within".into()), "a\r\nb".into());
    let text = text(&findings_of(&o, &[], &Rules::above(0.5))[0]);
    assert!(text.contains("Permit: M Verdict: within, limit 120 ha\n") && text.contains("\na  b\n"), "{text}");
}

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    connection.execute_batch(crate::register::ALERT_TABLES).unwrap();
    connection
}

fn config(text: &str) -> AlertConfig {
    AlertConfig::parse(text, Path::new("")).unwrap()
}

fn now() -> Timestamp {
    "2024-03-01T12:00:00Z".parse().unwrap()
}

const TWO_FILES: &str = "
    [[file]]
    name = 'all'
    path = 'a'
    [[file]]
    name = 'worst'
    path = 'b'
    kinds = ['exceeded']
";

#[test]
fn a_finding_is_recorded_once_and_only_with_its_observation() {
    let mut connection = database();
    let (rules, config) = (Rules::above(0.5), config(TWO_FILES));
    let o = observation("2023-06-01", Verdict::PossibleExceedance);
    let findings = findings_of(&o, &[], &rules);
    let transaction = connection.transaction().unwrap();
    assert_eq!(record(&transaction, &findings, &config, now()).unwrap(), 1);
    drop(transaction);
    assert_eq!(list(&connection, None).unwrap(), [], "the transaction was never committed");

    assert_eq!(record(&connection, &findings, &config, now()).unwrap(), 1);
    assert_eq!(record(&connection, &findings, &config, now()).unwrap(), 0, "a run repeated");
    let again = Observation { scenes: vec!["other".into()], model_sha256: "11".into(), ..o.clone() };
    assert_eq!(record(&connection, &findings_of(&again, &[], &rules), &config, now()).unwrap(), 0);
    let worse = Observation { verdict: Verdict::Exceeded, ..o };
    assert_eq!(record(&connection, &findings_of(&worse, &[], &rules), &config, now()).unwrap(), 1);
    let deliveries = list(&connection, Some(DeliveryState::Pending)).unwrap();
    let pairs: Vec<_> = deliveries.iter().map(|d| (d.channel.as_str(), d.finding.kind)).collect();
    let (e, p) = (FindingKind::Exceeded, FindingKind::PossibleExceedance);
    assert_eq!(pairs, [("all", p), ("all", e), ("worst", e)]);
    assert_eq!(deliveries[0].finding, findings[0], "it is stored whole");
    assert_eq!(deliveries[0].next_attempt, Some(now()));
    let ids: std::collections::HashSet<_> = deliveries.iter().map(|d| &d.id).collect();
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_configuration_is_read_and_its_secrets_are_not_shown() {
    let text = "
        [[webhook]]
        name = 'hook'
        url = 'https://example.org/services/SECRET?key=SECRET'
        secret_file = 'hook.secret'
        [[mail]]
        name = 'office'
        server = 'smtp.example.org'
        from = 'Mines <mines@example.org>'
        to = ['a@example.org', 'B <b@example.org>']
        user_env = 'SMTP_USER'
        password_env = 'SMTP_PASSWORD'
        [[mail]]
        name = 'local'
        server = 'localhost'
        from = 'mines@example.org'
        to = 'a@example.org'
    ";
    let config = config(text);
    assert_eq!(config.channels().collect::<Vec<_>>(), ["hook", "office", "local"]);
    let shown = format!("{config:?}");
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("PrivateUrl(https://example.org)"), "{shown}");
    let tls = |part: &str| shown.split("MailChannel").nth(if part == "office" { 1 } else { 2 }).unwrap().to_owned();
    assert!(tls("office").contains("port: 587, tls: Starttls"), "{shown}");
    assert!(tls("local").contains("port: 25, tls: None"), "{shown}");
    // A port beside the name, as other programs take it.
    let at = |server: &str, more: &str| {
        let text = format!("[[mail]]\nname = 'a'\nserver = '{server}'\nfrom = 'a@b.c'\nto = 'd@e.f'\n{more}");
        format!("{:?}", self::config(&text))
    };
    assert!(at("smtp.example.org:465", "").contains("server: \"smtp.example.org\", port: 465, tls: Tls"));
    assert!(at("localhost:1025", "").contains("server: \"localhost\", port: 1025, tls: None"));
    assert!(at("[::1]:1025", "").contains("server: \"::1\", port: 1025, tls: None"));
    assert!(at("::1", "").contains("server: \"::1\", port: 25"));
    let error = config.check_secrets().unwrap_err().to_string();
    assert!(error.contains("`hook`") && error.contains("hook.secret"), "{error}");
}

#[test]
fn alerts_link_to_their_site_if_the_address_of_the_page_is_known() {
    let finding = &findings_of(&observation("2023-06-01", Verdict::Exceeded), &[], &Rules::above(0.5))[0];
    assert_eq!(config(TWO_FILES).site_url(finding), None);
    assert!(finding.payload()["data"].get("url").is_none());
    let url = config(&format!("public_url = 'https://example.org/mines/'\n{TWO_FILES}")).site_url(finding);
    assert_eq!(url.as_deref(), Some("https://example.org/mines/#site=north-pit"));
    assert_eq!(finding.payload_with(url.as_deref())["data"]["url"], "https://example.org/mines/#site=north-pit");
    for (address, expected) in [
        ("mines", "`public_url` is not a valid URL"),
        ("ftp://example.org", "`public_url` begins with `ftp:`"),
        ("https://a:b@example.org", "`public_url` has a user or a password"),
        ("https://example.org/#site=a", "`public_url` has a part after"),
    ] {
        let error = AlertConfig::parse(&format!("public_url = '{address}'"), Path::new("")).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn mistakes_in_a_configuration_are_named() {
    let hook = "[[webhook]]\nname = 'a'\nurl = 'https://h/SECRET'\n";
    let mail = "[[mail]]\nname = 'a'\nserver = 'h'\nfrom = 'a@b.c'\n";
    let file = "[[file]]\nname = 'a'\npath = 'p'\n";
    for (text, expected) in [
        (format!("{hook}secret_evn = 'X'"), "line 4: unknown field `secret_evn`"),
        (format!("{hook}secret_evn = 'X'"), "did you mean `secret_env`?"),
        ("[[webhok]]\nname = 'a'".to_owned(), "did you mean `webhook`?"),
        (
            format!("{mail}to = 'd@e.f'").replace("'h'", "'h:smtp'"),
            "`server` is `h:smtp`; expected a port of 1 to 65535",
        ),
        (format!("{mail}to = 'd@e.f'\nport = 25").replace("'h'", "'h:587'"), "`port` is another one"),
        (format!("{file}kinds = ['exeeded']"), "did you mean `exceeded`?"),
        (format!("{file}kinds = []"), "`kinds` of `a` is empty"),
        (hook.to_owned(), "[[webhook]] `a`: `secret_env` or `secret_file` is missing"),
        (format!("{hook}secret_env = 'X'\nsecret_file = 'Y'"), "both given"),
        (format!("{hook}secret_env = 'whsec_SECRET+'"), "`secret_env` is not a variable name"),
        (hook.replace("https:", "ftp:") + "secret_env = 'X'", "`url` begins with `ftp:`"),
        (hook.replace("//h", "//SECRET:SECRET@h") + "secret_env = 'X'", "has a user or a password in it"),
        (format!("{mail}to = []"), "`to` is empty"),
        (format!("{mail}to = 'nobody'"), "[[mail]] `a`: `to` has `nobody`"),
        (format!("{mail}to = 'a@b.c'\nuser_env = 'U'"), "there is a user and no password"),
        (format!("{mail}to = 'a@b.c'\nlanguage = 'de'"), "`language`: `de` is not one of the languages en, fr, es, pt"),
        (format!("{mail}to = 'a@b.c'\ntls = 'start-tls'"), "did you mean `starttls`?"),
        (format!("{file}{hook}secret_env = 'X'"), "two channels have the name `a`"),
        (file.replace("'a'", "'a b'"), "`name` is `a b`"),
        (file.replace("'p'", "''"), "`path` is empty"),
        ("[[file]]\nname = ".to_owned(), "line 2: "),
    ] {
        let error = AlertConfig::parse(&text, Path::new("")).unwrap_err();
        assert!(error.contains(expected), "{error}\n{expected}");
        assert!(!error.contains("SECRET") && !error.contains('\n'), "{error}");
    }
}
