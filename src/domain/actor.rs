//! Who acts from the command line, as the operating system knows it. Not who an environment variable says: anybody can set
//! that, and a decision that takes two people has to be able to tell them apart.

/// Accounts below this number are the system's, root among them: nobody logs in as one, so who acts as one came through
/// sudo (`UID_MIN` of login.defs).
const FIRST_PERSON: u32 = 1_000;
const CLI: &str = "cli:";
const SUDO: &str = "/sudo";

/// Whose number counts: the process's own, or that of who called sudo, for root and for the service's user. `sudo_uid` is
/// what sudo left in the environment; a person's own setting of it counts for nothing. True with the latter.
pub fn who(uid: u32, sudo_uid: Option<&str>) -> (u32, bool) {
    let caller = sudo_uid.and_then(|text| text.parse::<u32>().ok());
    match caller.filter(|caller| uid < FIRST_PERSON && *caller != uid) {
        Some(caller) => (caller, true),
        None => (uid, false),
    }
}

/// As it stands in the ledger: `cli:dana#1001`, `cli:dana#1001/sudo`; without a plain name `cli:uid-1001#1001`.
pub fn of_login(uid: u32, name: Option<&str>, by_sudo: bool) -> String {
    let plain = |name: &&str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
        !name.is_empty() && name.len() <= 64 && name.bytes().all(allowed)
    };
    let sudo = if by_sudo { SUDO } else { "" };
    match name.filter(plain) {
        Some(name) => format!("{CLI}{name}#{uid}{sudo}"),
        None => format!("{CLI}uid-{uid}#{uid}{sudo}"),
    }
}

/// Two actors are one person: the same number under whatever name, or the same name. In doubt they are one, since the
/// rule this serves asks for two.
pub fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (parts(a), parts(b));
    a.0 == b.0 || a.1.is_some() && a.1 == b.1
}

/// Name, with where it is from, and number.
fn parts(actor: &str) -> (&str, Option<u32>) {
    let Some(login) = actor.strip_prefix(CLI) else {
        return (actor, None);
    };
    let login = login.strip_suffix(SUDO).unwrap_or(login);
    match login.rsplit_once('#') {
        Some((name, uid)) => (name, uid.parse().ok()),
        None => (login, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_called_sudo_acts_and_nobody_else_gets_to_say_so() {
        for (uid, sudo, want) in [
            (1001, None, (1001, false)),
            (1001, Some("1002"), (1001, false)),
            (0, None, (0, false)),
            (0, Some("1001"), (1001, true)),
            (998, Some("1001"), (1001, true)),
            (998, None, (998, false)),
            (0, Some("0"), (0, false)),
            (0, Some("dana"), (0, false)),
            (0, Some("-1"), (0, false)),
        ] {
            assert_eq!(who(uid, sudo), want, "{uid} {sudo:?}");
        }
    }

    #[test]
    fn an_actor_keeps_number_and_name_and_no_name_breaks_its_form() {
        assert_eq!(of_login(1001, Some("dana"), false), "cli:dana#1001");
        assert_eq!(of_login(1001, Some("dana"), true), "cli:dana#1001/sudo");
        for odd in [
            None,
            Some(""),
            Some("a#7"),
            Some("a/sudo"),
            Some("a b"),
            Some("ä"),
        ] {
            assert_eq!(of_login(1001, odd, false), "cli:uid-1001#1001", "{odd:?}");
        }
    }

    #[test]
    fn one_person_stays_one_under_another_name_and_by_sudo() {
        for (a, b, same) in [
            ("cli:dana#1001", "cli:dana#1001", true),
            ("cli:dana#1001", "cli:boss#1001", true),
            ("cli:dana#1001", "cli:dana#1001/sudo", true),
            ("cli:dana#1001/sudo", "cli:boss#1001", true),
            ("cli:dana#1001", "cli:dana#2001", true),
            ("cli:dana#1001", "cli:dana", true),
            ("cli:dana#1001", "cli:omar#1002", false),
            ("cli:dana#1001", "person:1001", false),
            ("person:7", "person:7", true),
            ("cli:a", "cli:b", false),
        ] {
            assert_eq!(is_same(a, b), same, "{a} {b}");
            assert_eq!(is_same(b, a), same, "{b} {a}");
        }
    }
}
