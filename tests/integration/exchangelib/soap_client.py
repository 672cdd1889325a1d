"""Sends raw SOAP requests to an exchange-sim, over one kept connection where it lasts."""
import base64
import http.client
import ssl
import urllib.parse

ENVELOPE = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
            xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
            xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
  <s:Header><t:RequestServerVersion Version="{version}"/>{header}</s:Header>
  <s:Body>{body}</s:Body>
</s:Envelope>"""

UTC_ZONE = "".join(f"<t:{name}><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>{month}"
                   f"</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:{name}>"
                   for name, month in (("StandardTime", 10), ("DaylightTime", 3)))


def impersonate(mailbox):
    return (f"<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{mailbox}</t:PrimarySmtpAddress>"
            "</t:ConnectingSID></t:ExchangeImpersonation>")


def envelope(body, mailbox=None, header="", version="Exchange2013_SP1"):
    return ENVELOPE.format(version=version, header=(impersonate(mailbox) if mailbox else "") + header, body=body)


class SoapClient:
    def __init__(self, sim, account, timeout=20):
        self.url = urllib.parse.urlsplit(sim.ews)
        self.tls = ssl.create_default_context(cafile=sim.certificate)
        credentials = base64.b64encode(f"{account}:{sim.password}".encode()).decode()
        self.headers = {"Content-Type": "text/xml; charset=utf-8", "Authorization": "Basic " + credentials}
        self.timeout = timeout
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def post(self, text, headers=None):
        """Returns (status, headers, body). Whatever breaks the connection is raised, and a new one made next time."""
        if not self.connection:
            self.connection = http.client.HTTPSConnection(self.url.hostname, self.url.port, context=self.tls,
                                                          timeout=self.timeout)
        try:
            self.connection.request("POST", self.url.path, text.encode(), {**self.headers, **(headers or {})})
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.will_close:
            self.close()
        return answer.status, answer.headers, body
