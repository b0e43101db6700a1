//! The report from the ledger to the mail server's hands, on both databases, and what happens when that goes wrong.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use poamd::delivery::mail::{MailDispatcher, MailSummary};
use poamd::domain::mail::{MailState, Period};
use poamd::reports::publish::{Published, Publisher};
use poamd::reports::{self, Order};
use poamd::store::mails::{self, MailRow};
use poamd::store::{AnyConnection, Store, accounts, audit, coverage};
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::mailing::Mailer;
use poamd_mail::{MailConfig, Security, SmtpMailer};
use poamd_sandbox::history::History;
use poamd_sandbox::smtp::{Options, SmtpFault, SmtpStandIn};
use tokio_util::sync::CancellationToken;

use crate::support::databases::for_each_database_async;
use crate::support::ledger::{ACCOUNT, at, close_record, open_record};
use crate::support::reports::{attachment, csv_rows, dispatcher, order, publisher, small_ledger};

/// A ledger with two records, a mail server, and all between them. It is Monday, 7 in New York.
struct World {
    store: Store,
    clock: Arc<ManualClock>,
    server: SmtpStandIn,
    publisher: Publisher,
    dispatcher: MailDispatcher,
    order: Order,
    records: (i64, i64),
}

const MONDAY: &str = "2026-11-23T12:00";

impl World {
    async fn new(store: Store) -> Self {
        let clock = Arc::new(ManualClock::at(at(MONDAY)));
        let shared: Arc<dyn Clock> = clock.clone();
        let server = SmtpStandIn::start(Options::new(History::new(shared)))
            .await
            .unwrap();
        let mailer: Arc<dyn Mailer> = Arc::new(mailer(server.port()));
        Self {
            records: small_ledger(&store).unwrap(),
            publisher: publisher(&store, &mailer),
            dispatcher: dispatcher(&store, &mailer, &clock),
            order: order(&["ISSO <isso@example.gov>", "ao@example.gov"]),
            store,
            clock,
            server,
        }
    }

    async fn publish(&self, period: Period) -> Published {
        self.publisher
            .publish(&self.order, period, 0, "job:report", self.clock.now())
            .await
            .unwrap()
    }

    async fn queue_monday(&self) -> String {
        match self.publish(Period::Scheduled(at(MONDAY))).await {
            Published::Queued { message_id, .. } => message_id,
            Published::Already { .. } => panic!("it was not queued before"),
        }
    }

    async fn drain(&self) -> MailSummary {
        self.dispatcher
            .drain(&CancellationToken::new())
            .await
            .unwrap()
    }

    fn mail(&self) -> MailRow {
        self.store
            .read_here(|conn| mails::latest(conn, 1))
            .unwrap()
            .remove(0)
    }

    /// Kinds of the mail's events, oldest first.
    fn events(&self) -> Vec<String> {
        let mut rows = self
            .store
            .read_here(|conn| audit::list(conn, Some("weekly-poam"), 100))
            .unwrap();
        assert_eq!(self.store.read_here(audit::verify).unwrap().broken, None);
        rows.reverse();
        rows.into_iter().map(|row| row.kind).collect()
    }
}

fn mailer(port: u16) -> SmtpMailer {
    SmtpMailer::new(MailConfig {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        user: None,
        password: None,
        ca_file: None,
        helo: Some("poamd.test".to_owned()),
        timeout: Duration::from_secs(10),
    })
    .unwrap()
}

#[tokio::test]
async fn the_report_arrives_with_what_the_ledger_says() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        let message_id = world.queue_monday().await;
        assert_eq!(
            world.drain().await,
            MailSummary {
                sent: 1,
                ..MailSummary::default()
            }
        );

        let mails = world.server.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, ["isso@example.gov", "ao@example.gov"]);
        assert_eq!(mails[0].header("Message-ID"), Some(message_id));
        assert_eq!(
            mails[0].subject(),
            "POA&M agency-prod 2026-11-23: 1 late, 2 open"
        );
        let rows = csv_rows(&attachment(&mails[0].bytes));
        assert_eq!(rows.len(), 3);
        let (first, second) = (&rows[1], &rows[2]);
        assert_eq!(
            first[..6],
            [
                "POAM-000001",
                "S3.5",
                "Weakness S3.5",
                ACCOUNT,
                ACCOUNT,
                "High"
            ]
        );
        assert_eq!(first[11], "policy; securityhub");
        assert_eq!(
            first[12],
            "arn:aws-us-gov:s3:::exports; arn:aws-us-gov:s3:::payroll"
        );
        assert_eq!(first[13], "SEC-1");
        assert_eq!(first[16..18], ["Dana Reyes", "2027-11-20"]);
        assert_eq!(second[0], "POAM-000002");
        assert_eq!(second[9..11], ["2026-10-11", "-43"]);

        let mail = world.mail();
        assert_eq!(mail.state.0, MailState::Sent);
        assert!(mail.answer.is_some_and(|answer| answer.starts_with("250")));
        assert_eq!(world.events(), ["mail.queued", "mail.sent"]);
        world.server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_ledger_and_moment_give_the_same_content() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        let content = || {
            let templates = world.publisher.templates.clone();
            reports::preview(
                &world.store,
                templates,
                &world.order,
                "agency-prod",
                at(MONDAY),
            )
        };
        let first = content().await.unwrap();
        assert_eq!(first, content().await.unwrap());
        assert!(first.text.contains("SO FAR (first report)"));
        assert!(first.text.contains("Opened: 2") && first.text.contains("1 RECORD IS LATE"));
        assert_eq!(
            first.attachments[0].name,
            "weekly-poam-agency-prod-2026-11-23.csv"
        );
        assert!(world.events().is_empty(), "a look at it writes nothing");
    })
    .await;
}

#[tokio::test]
async fn a_period_is_queued_once_and_the_next_one_tells_what_changed_since() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        let message_id = world.queue_monday().await;
        let again = world.publish(Period::Scheduled(at(MONDAY))).await;
        assert_eq!(
            again,
            Published::Already {
                message_id: message_id.clone(),
                state: MailState::Rendered
            }
        );
        let by_hand = world.publish(Period::Manual(world.clock.now())).await;
        assert!(matches!(by_hand, Published::Queued { message_id: id, .. } if id != message_id));
        assert_eq!(world.drain().await.sent, 2);

        world.clock.advance(TimeDelta::days(7));
        let now = world.clock.now();
        let change = |conn: &mut AnyConnection| {
            close_record(conn, world.records.1, now)?;
            open_record(conn, ACCOUNT, "IAM.3", now)
        };
        world.store.write_here(change).unwrap();
        let templates = world.publisher.templates.clone();
        let next = reports::preview(&world.store, templates, &world.order, "agency-prod", now);
        let next = next.await.unwrap();
        for part in [
            "Opened: 1",
            "IAM.3",
            "Closed: 1",
            "EC2.13",
            "Reopened: 0",
            "SINCE THE LAST REPORT",
        ] {
            assert!(
                next.text.contains(part),
                "{part} is missing in\n{}",
                next.text
            );
        }
        assert_eq!(csv_rows(&next.attachments[0].bytes).len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_answered_by_the_same_bytes() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        world.server.add_fault(SmtpFault::DropAfterDot);
        let message_id = world.queue_monday().await;
        assert_eq!(
            world.drain().await,
            MailSummary {
                ambiguous: 1,
                ..MailSummary::default()
            }
        );
        assert_eq!(world.mail().state.0, MailState::Ambiguous);

        world.clock.advance(TimeDelta::seconds(299));
        assert_eq!(world.drain().await.tried(), 0, "five minutes are not over");
        // What changes meanwhile is the next report's.
        world
            .store
            .write_here(|conn| open_record(conn, ACCOUNT, "IAM.3", world.clock.now()))
            .unwrap();
        world.clock.advance(TimeDelta::seconds(1));
        assert_eq!(world.drain().await.sent, 1);

        let mails = world.server.mails();
        assert_eq!(mails.len(), 2);
        assert!(!mails[0].answered && mails[1].answered);
        assert_eq!(mails[0].bytes, mails[1].bytes);
        assert_eq!(mails[1].header("Message-ID"), Some(message_id));
        assert_eq!(
            world.events(),
            ["mail.queued", "mail.ambiguous", "mail.sent"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_process_that_dies_while_sending_leaves_a_mail_that_is_sent_again() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        world.queue_monday().await;
        let lease = TimeDelta::minutes(5);
        let now = world.clock.now();
        let claim = |holder: &str, now| {
            world
                .store
                .write_here(|conn| mails::claim(conn, holder, lease, now))
                .unwrap()
        };
        let dead = claim("dead", now).unwrap();
        assert_eq!(
            claim("another", now),
            None,
            "a claimed mail is nobody else's"
        );
        assert_eq!(world.drain().await, MailSummary::default());

        world.clock.advance(lease);
        let done = world.drain().await;
        assert_eq!((done.recovered, done.sent), (1, 1));
        // SMTP ends the content with a line end of its own.
        let frozen = String::from_utf8(dead.envelope.bytes.clone()).unwrap();
        let arrived = String::from_utf8(world.server.mails()[0].bytes.clone()).unwrap();
        assert!(
            arrived.trim_end() == frozen.trim_end(),
            "{arrived}\n---\n{frozen}"
        );
        assert_eq!(world.mail().attempt, 2);
        assert_eq!(
            world.events(),
            ["mail.queued", "mail.ambiguous", "mail.sent"]
        );
        // The dead one speaks once more: it has nothing to say.
        let verdict = mails::Verdict {
            state: MailState::Rejected,
            not_before: now,
            error: None,
            answer: None,
        };
        let late = world
            .store
            .write_here(|conn| mails::settle(conn, &dead, "dead", &verdict, now));
        assert!(!late.unwrap());
        assert_eq!(world.mail().state.0, MailState::Sent);
    })
    .await;
}

#[tokio::test]
async fn a_greylisted_mail_goes_out_later_and_a_dead_server_is_given_up_after_days() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        world.server.add_fault(SmtpFault::Greylist);
        world.queue_monday().await;
        assert_eq!(world.drain().await.retried, 1);
        let mail = world.mail();
        assert_eq!(mail.state.0, MailState::Retry);
        assert!(mail.error.is_some_and(|error| error.contains("451")));
        assert_eq!(world.drain().await.tried(), 0, "not at once");
        world.clock.advance(TimeDelta::seconds(75));
        assert_eq!(world.drain().await.sent, 1);
        assert_eq!(world.events(), ["mail.queued", "mail.sent"]);

        world.publish(Period::Manual(world.clock.now())).await;
        let began = world.clock.now();
        world.server.stop().await;
        let (mut tries, mut expired) = (0, 0);
        while expired == 0 {
            let done = world
                .dispatcher
                .drain(&CancellationToken::new())
                .await
                .unwrap();
            (tries, expired) = (tries + done.retried, expired + done.expired);
            world.clock.advance(TimeDelta::minutes(30));
            assert!(
                world.clock.now() - began < TimeDelta::days(4),
                "it never ends"
            );
        }
        assert!((10..60).contains(&tries), "{tries} attempts in three days");
        let lost = world
            .store
            .read_here(|conn| mails::in_states(conn, &MailState::LOST))
            .unwrap();
        assert_eq!(lost.len(), 1);
        let why = lost[0].error.clone().unwrap();
        assert!(why.contains("given up after 3 days"), "{why}");
        let rows = world
            .store
            .read_here(|conn| audit::list(conn, Some("weekly-poam"), 1));
        assert_eq!(rows.unwrap()[0].kind, "mail.expired");
    })
    .await;
}

#[tokio::test]
async fn a_refused_mail_stays_refused_and_the_next_report_tells_what_it_told() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        world.server.add_fault(SmtpFault::RefuseMail);
        world.queue_monday().await;
        assert_eq!(world.drain().await.rejected, 1);
        let mail = world.mail();
        assert_eq!(mail.state.0, MailState::Rejected);
        assert!(mail.error.is_some_and(|error| error.contains("554")));
        world.clock.advance(TimeDelta::days(1));
        assert_eq!(world.drain().await.tried(), 0);
        assert!(world.server.mails().is_empty());
        assert_eq!(world.events(), ["mail.queued", "mail.rejected"]);

        let previous = world
            .store
            .read_here(|conn| reports::previous(conn, "weekly-poam"));
        assert_eq!(
            previous.unwrap(),
            None,
            "nobody read it, so it was no report"
        );
    })
    .await;
}

#[tokio::test]
async fn bytes_that_were_altered_are_not_sent() {
    for_each_database_async(|store| async move {
        let world = World::new(store).await;
        world.queue_monday().await;
        world
            .store
            .write_here(|conn| {
                use diesel::prelude::*;
                use poamd::store::schema::mails::dsl;
                diesel::update(dsl::mails)
                    .set(dsl::bytes.eq(b"From: x".to_vec()))
                    .execute(conn)?;
                Ok(())
            })
            .unwrap();
        assert_eq!(world.drain().await.rejected, 1);
        assert!(world.server.mails().is_empty());
        assert!(
            world
                .mail()
                .error
                .is_some_and(|error| error.contains("altered"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_report_keeps_to_its_accounts_and_names_what_nobody_could_see() {
    for_each_database_async(|store| async move {
        let mut world = World::new(store).await;
        let other = "345678901234";
        let look = |conn: &mut AnyConnection| {
            let by = accounts::By {
                actor: "test",
                at: at("2026-11-01T00:00"),
            };
            accounts::add(conn, &account(ACCOUNT, "billing-prod", "Prod"), by)?;
            accounts::add(conn, &account(other, "identity", "Dev"), by)?;
            open_record(conn, other, "S3.5", at("2026-11-20T06:00"))?;
            let cell = |service: &str| Cell {
                account: ACCOUNT.parse().unwrap(),
                region: "us-gov-west-1".parse().unwrap(),
                service: service.to_owned(),
            };
            let denied = Coverage::Denied {
                reason: "the role may not list detectors".to_owned(),
            };
            coverage::note(conn, &cell("guardduty"), &denied, 1, at("2026-11-21T05:00"))?;
            coverage::note(
                conn,
                &cell("securityhub"),
                &Coverage::Complete,
                1,
                at("2026-11-23T05:00"),
            )?;
            let long_ago = at("2026-11-21T05:00");
            coverage::note(conn, &cell("inspector"), &Coverage::Complete, 1, long_ago)
        };
        world.store.write_here(look).unwrap();
        let preview = |order: Order| {
            let templates = world.publisher.templates.clone();
            let store = world.store.clone();
            async move {
                reports::preview(&store, templates, &order, "agency-prod", at(MONDAY))
                    .await
                    .unwrap()
            }
        };
        let all = preview(world.order.clone()).await;
        assert!(
            all.text
                .contains("GuardDuty in billing-prod (210987654321), us-gov-west-1"),
            "{}",
            all.text
        );
        assert!(all.text.contains("the role may not list detectors"));
        assert!(
            all.text.contains("no look for more than a day"),
            "{}",
            all.text
        );
        assert!(
            all.text.contains("identity (345678901234)")
                && all.text.contains("nobody has looked yet")
        );
        assert_eq!(csv_rows(&all.attachments[0].bytes).len(), 4);
        assert!(
            all.subject.ends_with("3 open, 3 coverage gaps"),
            "{}",
            all.subject
        );

        world.order.covers = Arc::new(|_, _, label| label == "Dev");
        world.order.csv = false;
        world.order.subject = Some("{{deployment}}: {{all.open}} open".to_owned());
        let dev = preview(world.order.clone()).await;
        assert_eq!(dev.subject, "agency-prod: 1 open");
        assert!(dev.attachments.is_empty() && !dev.text.contains("attached"));
        assert!(!dev.html.contains("attached") && !dev.text.contains("billing-prod"));

        world.order.subject = Some("{{{deployment}}}".to_owned());
        let refused =
            world
                .publisher
                .publish(&world.order, Period::Manual(at(MONDAY)), 0, "t", at(MONDAY));
        let words = refused.await.unwrap_err().to_string();
        assert!(
            words.contains("weekly-poam") && words.contains("escaping"),
            "{words}"
        );
        world.order.kind = "poem".to_owned();
        let refused =
            world
                .publisher
                .publish(&world.order, Period::Manual(at(MONDAY)), 0, "t", at(MONDAY));
        assert!(
            refused
                .await
                .unwrap_err()
                .to_string()
                .contains("there are: poam")
        );
        assert!(world.events().is_empty());
    })
    .await;
}

fn account(id: &str, name: &str, label: &str) -> poamd::domain::account::Account {
    poamd::domain::account::Account {
        access: poamd_contract::account::AccountAccess {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            partition: "aws-us-gov".parse().unwrap(),
            role: None,
            external_id: None,
            regions: vec!["us-gov-west-1".parse().unwrap()],
        },
        label: label.to_owned(),
        contacts: Vec::new(),
        notes: String::new(),
        weight: 100,
        active: true,
        s3_canonical_id: None,
        s3_name: None,
    }
}
