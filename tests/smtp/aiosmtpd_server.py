"""An SMTP server that this project did not write (aiosmtpd), for the tests of connectors/mail.

usage: aiosmtpd_server.py --folder DIR --certificate PEM --key PEM --mode starttls|tls [--user U --password P]

Prints its port on the first line, writes each mail taken as DIR/<n>.eml and, parsed by Python's own email package, as
DIR/<n>.json, and ends when its standard input does.
"""

import argparse
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Folder:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        (self.folder / f"{self.count}.eml").write_bytes(envelope.content)
        described = describe(session, envelope)
        part = self.folder / f"{self.count}.part"
        part.write_text(json.dumps(described), encoding="utf-8")
        part.rename(self.folder / f"{self.count}.json")
        return "250 OK kept"


def describe(session, envelope):
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    return {
        "tls": session.ssl is not None,
        "user": session.auth_data,
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "headers": [[name, str(value)] for name, value in mail.items()],
        "defects": [str(defect) for part in mail.walk() for defect in part.defects],
        "structure": [part.get_content_type() for part in mail.walk()],
        "text": mail.get_body(("plain",)).get_content(),
        "html": mail.get_body(("html",)).get_content(),
        "attachments": [
            {
                "name": part.get_filename(),
                "type": part.get_content_type(),
                "hex": part.get_payload(decode=True).hex(),
            }
            for part in mail.iter_attachments()
        ],
    }


class Loopback(Controller):
    def __init__(self, arguments):
        self.arguments = arguments
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(arguments.certificate, arguments.key)
        implicit = self.context if arguments.mode == "tls" else None
        # With port 0 the library's own "is it up" check cannot connect; the port is read from the socket below.
        super().__init__(Folder(arguments.folder), hostname="127.0.0.1", port=0, ssl_context=implicit)

    def _trigger_server(self):
        pass

    def authenticate(self, server, session, envelope, mechanism, data):
        wanted = (self.arguments.user.encode(), self.arguments.password.encode())
        if (data.login, data.password) != wanted:
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=data.login.decode())

    def factory(self):
        starttls = self.arguments.mode == "starttls"
        wants_user = self.arguments.user is not None
        return SMTP(
            self.handler,
            tls_context=self.context if starttls else None,
            require_starttls=starttls,
            authenticator=self.authenticate if wants_user else None,
            auth_required=wants_user,
            auth_require_tls=starttls,
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--mode", choices=["starttls", "tls"], required=True)
    parser.add_argument("--user")
    parser.add_argument("--password")
    controller = Loopback(parser.parse_args())
    controller.start()
    print(controller.server.sockets[0].getsockname()[1], flush=True)
    sys.stdin.read()
    controller.stop()


if __name__ == "__main__":
    main()
