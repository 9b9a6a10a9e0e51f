"""A mail server for the tests: aiosmtpd on a free port of 127.0.0.1, which keeps in a folder what it gets.

    mailserver.py FOLDER [--port N] [--certificate FILE --key FILE [--tls]] [--user U --password P] [--quote]

FOLDER/port      written when it listens
FOLDER/N.json    the Nth mail, as it came and as Python's own mail parser understands it
FOLDER/connections  a line for each connection, and one for each polite end
FOLDER/replies   what it shall answer instead of taking a mail: lines of `mail|rcpt|data REPLY`, each used once; may be
                 written at any time
FOLDER/wait      while this exists, it takes its time over the end of a mail, after making FOLDER/waiting
"""

import argparse
import asyncio
import email
import email.policy
import json
import os
import socket
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Server(SMTP):
    def connection_made(self, transport):
        # STARTTLS begins the same connection anew.
        if self.session is None:
            note("begin")
        super().connection_made(transport)


class Keeper:
    count = 0

    def scripted(self, phase):
        """The reply that the test wants at this point, if any."""
        try:
            with open("replies") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        for index, line in enumerate(lines):
            if line.split(" ", 1)[0] == phase:
                del lines[index]
                put("replies", "\n".join(lines))
                return line.split(" ", 1)[1]
        return None

    async def handle_MAIL(self, server, session, envelope, address, options):
        reply = self.scripted("mail")
        if reply:
            return reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = self.scripted("rcpt")
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if os.path.exists("wait"):
            put("waiting", "")
            while os.path.exists("wait"):
                await asyncio.sleep(0.005)
        reply = self.scripted("data")
        if reply:
            return reply
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        self.count += 1
        mail = {
            "helo": session.host_name,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "isEncrypted": server.transport.get_extra_info("ssl_object") is not None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "text": message.get_content(),
            "defects": [str(defect) for defect in message.defects],
            "raw": envelope.original_content.decode("ascii"),
        }
        put(f"{self.count}.json", json.dumps(mail))
        return "250 OK"


    async def handle_QUIT(self, server, session, envelope):
        note("quit")
        return "221 Bye"


def note(event):
    with open("connections", "a") as file:
        file.write(event + "\n")


def put(name, text):
    """Writes a file that appears whole."""
    with open(name + ".new", "w") as file:
        file.write(text)
    os.rename(name + ".new", name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--quote", action="store_true", help="quote the password when refusing it")
    options = parser.parse_args()
    os.chdir(options.folder)

    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)

    def authenticate(server, session, envelope, mechanism, data):
        right = LoginPassword(options.user.encode(), options.password.encode())
        if data == right:
            return AuthResult(success=True, auth_data=data)
        quoted = f"535 5.7.8 not {data.password.decode()}" if options.quote else None
        return AuthResult(success=False, handled=False, message=quoted)

    keeper = Keeper()

    def session():
        return Server(
            keeper,
            hostname="mail.example.org",
            tls_context=None if options.tls else context,
            authenticator=authenticate if options.user else None,
            auth_required=options.user is not None,
            auth_require_tls=False,
        )

    async def serve():
        listener = socket.create_server(("127.0.0.1", options.port))
        server = await asyncio.get_running_loop().create_server(
            session, sock=listener, ssl=context if options.tls else None
        )
        put("port", str(listener.getsockname()[1]))
        await server.serve_forever()

    asyncio.run(serve())


main()
