"""An SMTP server that this project did not write (aiosmtpd), for the tests of connectors/mail.

usage: aiosmtpd_server.py --folder DIR --certificate PEM --key PEM --mode starttls|tls [--user U --password P]

Prints its port on the first line, writes each mail taken as DIR/<n>.eml and, parsed by Python's own email package, as
DIR/<n>.json, and ends when its standard input does.
"""

import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Folder:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        (self.folder / f"{self.count}.eml").write_bytes(envelope.content)
        described = describe(server, session, envelope)
        part = self.folder / f"{self.count}.part"
        part.write_text(json.dumps(described), encoding="utf-8")
        part.rename(self.folder / f"{self.count}.json")
        return "250 OK kept"


def describe(server, session, envelope):
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    return {
        "tls": server.transport.get_extra_info("cipher") is not None,
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


def protocol(arguments, handler, context):
    """What asyncio calls for each connection."""
    starttls = arguments.mode == "starttls"
    wants_user = arguments.user is not None

    def authenticate(server, session, envelope, mechanism, data):
        wanted = (arguments.user.encode(), arguments.password.encode())
        if (data.login, data.password) != wanted:
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=data.login.decode())

    return lambda: SMTP(
        handler,
        hostname="aiosmtpd.test",
        tls_context=context if starttls else None,
        require_starttls=starttls,
        authenticator=authenticate if wants_user else None,
        auth_required=wants_user,
        auth_require_tls=starttls,
    )


async def serve(arguments):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(arguments.certificate, arguments.key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        protocol(arguments, Folder(arguments.folder), context),
        host="127.0.0.1",
        port=0,
        ssl=context if arguments.mode == "tls" else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--mode", choices=["starttls", "tls"], required=True)
    parser.add_argument("--user")
    parser.add_argument("--password")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
