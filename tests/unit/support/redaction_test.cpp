#include "agent/support/redaction.hpp"
#include "common/text/text.hpp"

#include <catch2/catch.hpp>

using relay::to_base64;
using relay::support::redaction;

namespace {

const std::string secret = "s3cret & \xc3\xa4pfel+\"x";

std::string in_utf16(std::string_view ascii)
{
    std::string out;
    for (const char c : ascii) {
        out += c;
        out += '\0';
    }
    return out;
}

struct redaction_fixture {
    redaction r;
    redaction::tally removed;

    std::string clean(std::string_view text, redaction::depth d = redaction::depth::secrets)
    {
        return r.clean(text, d, removed);
    }
    std::string all(std::string_view text) { return clean(text, redaction::depth::secrets_and_addresses); }
};

struct one_secret : redaction_fixture {
    one_secret() { REQUIRE(r.hide(secret)); }
};

} // namespace

TEST_CASE_METHOD(one_secret, "a known secret is taken out wherever it stands", "[unit][support]")
{
    CHECK(clean("a " + secret + " b " + secret) == "a *** b ***");
    CHECK(removed.secrets == 2);
    CHECK(clean(secret) == "***");
    CHECK(clean("nothing\nto\n\nhide\n") == "nothing\nto\n\nhide\n");
    CHECK(clean("").empty());
    CHECK(removed.secrets == 3);
}

TEST_CASE_METHOD(one_secret, "a known secret is taken out in the forms that it takes in JSON, XML and URLs",
                 "[unit][support]")
{
    CHECK(clean(R"({"a":"s3cret & äpfel+\"x"})") == R"({"a":"***"})");
    CHECK(clean(R"(text "{\"a\":\"s3cret & äpfel+\\\"x\"}")") == R"(text "{\"a\":\"***\"}")");
    CHECK(clean("<p>s3cret &amp; äpfel+&quot;x</p>") == "<p>***</p>");
    CHECK(clean("?p=s3cret%20%26%20%C3%A4pfel%2B%22x&q=1") == "?p=***&q=1");
    CHECK(clean("?p=s3cret%20%26%20%c3%a4pfel%2b%22x&q=1") == "?p=***&q=1");
    CHECK(clean("?p=s3cret+%26+%C3%A4pfel%2B%22x") == "?p=***");
    CHECK(clean("?p=%733cret%20&%20%C3%A4pfel+%22x") == "?p=***"); // not all of it encoded
    CHECK(clean("100% sure, 5%, %zz, %") == "100% sure, 5%, %zz, %");
}

TEST_CASE("a known secret is taken out of base64 wherever it begins in it", "[unit][support]")
{
    redaction r;
    REQUIRE(r.hide("correct horse"));
    for (const std::string before : {"", "a", "ab", "abc", "CORP\\svc:"})
        for (const std::string after : {"", "x", "xy", "xyz"}) {
            INFO(before << "|" << after);
            redaction::tally t;
            const auto text = "token=" + to_base64(before + "correct horse" + after) + ".";
            const auto cleaned = r.clean(text, redaction::depth::secrets, t);
            CHECK(t.secrets == 1);
            CHECK(cleaned.find(to_base64("correct horse").substr(0, 8)) == cleaned.npos);
            CHECK(cleaned.ends_with("."));
            CHECK(cleaned.size() < 16);
        }
}

TEST_CASE("a known secret is taken out in UTF-16, in the base64 of that, and in hex", "[unit][support]")
{
    redaction_fixture f;
    REQUIRE(f.r.hide("hunter2!"));
    const auto wide = in_utf16("hunter2!");
    CHECK(f.clean("a" + wide + "b") == "a***b");
    const auto other_order = '\0' + wide.substr(0, wide.size() - 1);
    CHECK(f.clean("[" + other_order + "]") == "[***]");
    CHECK(f.clean("x " + to_base64(wide)) == "x ***");
    CHECK(f.clean("68756e7465723221") == "***");
    CHECK(f.clean("68756E7465723221") == "***");
    CHECK(f.removed.secrets == 5);
}

TEST_CASE("what is too short to be told from other text is not looked for", "[unit][support]")
{
    redaction_fixture f;
    CHECK(!f.r.hide("abc"));
    CHECK(f.clean("abc") == "abc");
    CHECK(f.r.hide("abcd"));
    CHECK(f.clean("abcd") == "***");
}

TEST_CASE_METHOD(redaction_fixture, "what looks like a secret is taken out without being known",
                 "[unit][support]")
{
    CHECK(clean("proxy http://user:pa%40ss@proxy:3128/ refused") == "proxy http://***@proxy:3128/ refused");
    CHECK(clean("http://proxy:3128/a@b") == "http://proxy:3128/a@b");
    CHECK(clean("proxy = \"http://***:***@proxy:3128\"") == "proxy = \"http://***:***@proxy:3128\"");
    CHECK(clean("authorization: Basic Q09SUFxzdmM6eA==") == "authorization:***");
    CHECK(clean("sent Basic Q09SUFxzdmM6eA== there") == "sent Basic *** there");
    CHECK(clean("sent NTLM TlRMTVNTUAADAAAA there") == "sent NTLM *** there");
    CHECK(clean("basic authentication over http") == "basic authentication over http");
    CHECK(removed.secrets == 4);
}

TEST_CASE_METHOD(redaction_fixture, "a private key is taken out whole, also where its end is missing",
                 "[unit][support]")
{
    const std::string certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const std::string key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\nAAAA\n-----END EC PRIVATE KEY-----";
    CHECK(clean(certificate + key + "\nafter") == certificate + "***\nafter");
    CHECK(clean("-----BEGIN PRIVATE KEY-----\nMHcCAQEE\n") == "***");
    CHECK(clean("-----BEGIN PRIVATE KEY-----\\nMHcC\\n-----END PRIVATE KEY-----\\n") == "***\\n");
    CHECK(removed.secrets == 3);
}

TEST_CASE_METHOD(redaction_fixture, "an address becomes a number, the same one wherever it stands",
                 "[unit][support]")
{
    CHECK(all("to Jane.Doe@corp.example, bob+x@elsewhere.example.") == "to <address 1>, <address 2>.");
    CHECK(all("<t:Email>jane.doe@CORP.example</t:Email>") == "<t:Email><address 1></t:Email>");
    CHECK(all("mailbox=bob%2Bx%40elsewhere.example&q") == "mailbox=<address 3>&q");
    CHECK(all("j\xc3\xbcrgen@b\xc3\xbc"
              "cher.example") == "<address 4>");
    CHECK(all("a @ b, @, x@, @y") == "a @ b, @, x@, @y");
    CHECK(removed.addresses == 5);
    CHECK(clean("bob@corp.example") == "bob@corp.example");
}
