// No request is sent twice. libcurl 7.88 starts over by itself where a connection it had used before ends without a
// byte of an answer (Curl_retry_request in lib/transfer.c): meant for a server that closed an idle connection, but the
// server may just as well have read the request and died after it, and a POST would then take effect twice. libcurl has
// no option against it. It does call CURLOPT_PREREQFUNCTION before each time it sends, so ours lets the first sending
// of a request pass and refuses any other: the caller learns that the request was sent and that its outcome is unknown.
// (A body behind a CURLOPT_READFUNCTION whose seek fails would do too, at the price of one more TLS record a request,
// and libcurl would still resend where only the headers had left.)
//
// That leaves the common harmless case, a connection closed while it was idle: a connection is used again only if there
// is nothing to read on it (a FIN, a TLS close_notify); those that were idle for longer than `reuse_within` are not taken
// at all, which stays below the 120 s after which IIS closes them.
//
// No answer is taken for one to another request. Some servers and proxies answer a request twice, or give one client
// another's answer, and leave the connection open. libcurl notices what follows an answer only if both came in one TLS
// record, and takes a connection with a whole record unread for a live one. So here: (1) a connection with anything
// unread, in the socket or inside TLS, is not used again; (2) an answer that names another request than ours ends the
// connection, and what became of our request is unknown; so it is, if more than one answer came and none names a
// request; (3) whoever asks may say that an answer does not fit (request::fits).
#include "agent/http/connection.hpp"

#include "agent/http/cause.hpp"
#include "common/platform/process.hpp"
#include "common/text/text.hpp"
#include "common/tls/tls_error.hpp"

#include <boost/asio/error.hpp>
#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>

namespace relay::http {
namespace {

long to_ms(duration d)
{
    return static_cast<long>(std::max<std::int64_t>(1, std::chrono::ceil<milliseconds>(d).count()));
}

std::string_view path_of(std::string_view url)
{
    const auto path = url.find('/', url.find("//") + 2);
    return path == url.npos ? std::string_view("/") : url.substr(path);
}

// The headers of one request; those that hold a secret are wiped.
class header_list {
public:
    header_list() = default;
    ~header_list()
    {
        for (auto* line = first_; line; line = line->next)
            if (std::strncmp(line->data, "Authorization:", 14) == 0)
                OPENSSL_cleanse(line->data, std::strlen(line->data));
        curl_slist_free_all(first_);
    }
    header_list(const header_list&) = delete;
    header_list& operator=(const header_list&) = delete;

    // False for what would break out of its line.
    bool add(std::string_view name, std::string_view value)
    {
        constexpr std::string_view breaks("\r\n\0", 3);
        if (name.find_first_of(breaks) != name.npos || value.find_first_of(breaks) != value.npos)
            return false;
        line_.assign(name).append(": ").append(value);
        add(line_.c_str());
        OPENSSL_cleanse(line_.data(), line_.size());
        return true;
    }
    void add(const char* line)
    {
        auto* const longer = curl_slist_append(first_, line);
        if (!longer)
            throw std::bad_alloc();
        first_ = longer;
    }
    curl_slist* get() const { return first_; }

private:
    curl_slist* first_ = nullptr;
    std::string line_;
};

} // namespace

struct connection::transfer {
    const order& what;
    response answer{};
    std::size_t header_bytes = 0;
    bool measured = false;       // the answer says itself where it ends
    bool tls_begun = false;      // TCP is connected
    bool begun = false;          // handed to the connection: from here on bytes may have left
    bool sent_again = false;     // libcurl wanted to send it a second time
    bool named = false;          // the answer names our request
    bool foreign = false;        // it names another
    const ssl_st* tls = nullptr; // that the answer came through; as old as its connection
    bool moved = false;
    bool too_late = false; // to begin to send it
    enum class excess { none, headers, body, sink } too_large = excess::none;
};

struct connection::callbacks {
    static connection& self(void* p) { return *static_cast<connection*>(p); }

    static int before_sending(void* p, char*, char*, int, int)
    {
        auto& c = self(p);
        auto& t = *c.running_;
        if (t.begun) {
            t.sent_again = true;
            return CURL_PREREQFUNC_ABORT;
        }
        if (t.what.by == route::same && c.opened() != c.opened_then_) {
            t.moved = true;
            return CURL_PREREQFUNC_ABORT;
        }
        // The last look at the time before the first byte: the connection may have taken long.
        if (c.too_late(t.what.what)) {
            t.too_late = true;
            return CURL_PREREQFUNC_ABORT;
        }
        t.begun = true;
        return CURL_PREREQFUNC_OK;
    }

    static CURLcode tls(CURL*, void* context, void* p)
    {
        auto& c = self(p);
        c.running_->tls_begun = true;
        c.trust_.install(static_cast<ssl_ctx_st*>(context), c.peer_);
        return CURLE_OK;
    }

    static std::size_t header(char* bytes, std::size_t, std::size_t size, void* p)
    {
        auto& t = *self(p).running_;
        const auto line = trim(std::string_view(bytes, size));
        t.header_bytes += size;
        if (t.header_bytes > self(p).limits_.max_header_bytes) {
            t.too_large = transfer::excess::headers;
            return CURL_WRITEFUNC_ERROR;
        }
        if (line.starts_with("HTTP/")) { // also after a 100 Continue: the last one counts
            t.answer.headers.clear();
            t.measured = false;
            return size;
        }
        if (line.empty()) {
            long status = 0;
            curl_easy_getinfo(self(p).easy_, CURLINFO_RESPONSE_CODE, &status);
            if (status >= 200 && t.answer.status == 0) {
                compare_ids(self(p), t);
                if (t.foreign)
                    return CURL_WRITEFUNC_ERROR;
                t.answer.status = static_cast<int>(status);
                if (t.what.on_status)
                    (*t.what.on_status)(t.answer.status);
            }
            return size;
        }
        const auto colon = line.find(':');
        if (colon == line.npos)
            return size;
        auto name = ascii_lower(trim(line.substr(0, colon)));
        const auto value = trim(line.substr(colon + 1));
        if (name == "content-type")
            t.answer.content_type = value;
        if (name == "content-length" || name == "transfer-encoding")
            t.measured = true;
        if (t.answer.headers.size() < max_headers)
            t.answer.headers.emplace_back(std::move(name), value);
        return size;
    }

    // The answer's headers are all there.
    static void compare_ids(connection& c, transfer& t)
    {
        const auto id_in = [](const auto& headers) -> const std::string* {
            const auto found =
                std::ranges::find(headers, request_id_header, [](const auto& h) { return h.first; });
            return found == headers.end() || found->second.empty() ? nullptr : &found->second;
        };
        const auto* const ours = t.what.body.empty() ? nullptr : id_in(t.what.what.headers);
        const auto* const theirs = id_in(t.answer.headers);
        t.named = ours && theirs && ascii_lower(*theirs).find(ascii_lower(*ours)) != std::string::npos;
        t.foreign = ours && theirs && !t.named;
        curl_tlssessioninfo* session = nullptr;
        if (curl_easy_getinfo(c.easy_, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK && session)
            t.tls = static_cast<const ssl_st*>(session->internals);
    }

    static std::size_t body(char* bytes, std::size_t, std::size_t size, void* p)
    {
        auto& t = *self(p).running_;
        // An answer to a step of a sign-in, which has no body, is no stream whatever it says.
        if (const auto& s = t.what.what.streaming; s && t.answer.status == 200 && !t.what.body.empty()) {
            if (s->to->take({bytes, size}))
                return size;
            t.too_large = transfer::excess::sink;
            return CURL_WRITEFUNC_ERROR;
        }
        if (size > self(p).limits_.max_body_bytes - t.answer.body.size()) {
            t.too_large = transfer::excess::body;
            return CURL_WRITEFUNC_ERROR;
        }
        if (t.answer.body.empty())
            expect(self(p), t);
        t.answer.body.append(bytes, size);
        return size;
    }

    // Saves growing the buffer step by step, but takes nobody's word for more than the cap.
    static void expect(connection& c, transfer& t)
    {
        curl_off_t announced = -1;
        curl_easy_getinfo(c.easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
        constexpr std::size_t trusted_at_once = 256 * 1024;
        if (announced > 0)
            t.answer.body.reserve(
                std::min({static_cast<std::size_t>(announced), c.limits_.max_body_bytes, trusted_at_once}));
    }
};

connection::connection(const asio::any_io_executor& executor, const endpoint& server, trust& who,
                       address_memory& memory, const connection_limits& limits, const std::string& user_agent,
                       const time_source& time)
    : server_(server),
      trust_(who),
      memory_(memory),
      limits_(limits),
      time_(time),
      driver_(executor),
      easy_(curl_easy_init())
{
    if (!easy_)
        throw std::bad_alloc();
    configure();
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, user_agent.c_str());
}

connection::~connection()
{
    curl_easy_cleanup(easy_);
}

void connection::configure()
{
    const auto set = [this](CURLoption option, auto value) {
        if (const auto code = curl_easy_setopt(easy_, option, value); code != CURLE_OK)
            throw std::logic_error(
                fmt::format("curl option {}: {}", static_cast<int>(option), curl_easy_strerror(code)));
    };
    set(CURLOPT_ERRORBUFFER, error_text_);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L); // a cancel does not wait for a name look-up that hangs
    set(CURLOPT_PROTOCOLS_STR, server_.tls ? "https" : "http");
    set(CURLOPT_URL, server_.url.c_str());
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NONE));
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_POST, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, 30L);
    set(CURLOPT_TCP_KEEPINTVL, 10L);
    set(CURLOPT_MAXAGE_CONN, to_ms(limits_.reuse_within) / 1000);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    expect_stream(false);
    set(CURLOPT_UPLOAD_BUFFERSIZE, 16L * 1024);

    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
    // The authorities are ours, shared by all connections: see trust.
    set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    set(CURLOPT_SSL_CTX_FUNCTION, &callbacks::tls);
    set(CURLOPT_SSL_CTX_DATA, this);

    set(CURLOPT_PREREQFUNCTION, &callbacks::before_sending);
    set(CURLOPT_PREREQDATA, this);
    driver_.equip(easy_);
    set(CURLOPT_HEADERFUNCTION, &callbacks::header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &callbacks::body);
    set(CURLOPT_WRITEDATA, this);
}

// What an exchange leaves behind in the handle points into its frame.
struct connection::clearing {
    connection& of;
    ~clearing()
    {
        curl_easy_setopt(of.easy_, CURLOPT_HTTPHEADER, nullptr);
        curl_easy_setopt(of.easy_, CURLOPT_POSTFIELDS, "");
        of.expect_stream(false);
        of.opened_then_ = of.opened();
        of.running_ = nullptr;
    }
};

// Whoever asks for a stream watches over its silence. It comes as it is: compression keeps bytes back until it has enough.
void connection::expect_stream(bool so)
{
    curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, so ? nullptr : "gzip");
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, so ? 0L : std::max(1L, to_ms(limits_.stalled) / 1000));
}

bool connection::too_late(const request& what) const
{
    return what.not_after && time_.now() >= *what.not_after;
}

failed connection::came_too_late() const
{
    return {cause::too_late, reached::nothing,
            "the request to " + server_.name + " came too late to be sent"};
}

task<connection::result> connection::exchange(order o)
{
    if (too_late(o.what))
        co_return result{came_too_late()};
    if (server_.tls && !trust_.ready())
        if (auto trouble = co_await trust_.prepare(o.deadline))
            co_return result{*std::move(trouble)};
    if (o.by == route::same && !driver_.quiet())
        co_return result{failed{cause::connection_lost, reached::nothing,
                                server_.name + " closed the connection, or sent on it what nobody asked for"},
                         true};
    const bool renew = o.by == route::new_one || (driver_.connected() && !driver_.quiet());
    const auto left = o.deadline - std::chrono::steady_clock::now();
    if (left <= duration::zero())
        co_return result{
            failed{cause::timed_out, reached::nothing, server_.name + ": no time is left for the request"}};

    header_list headers;
    headers.add("Content-Type: text/xml; charset=utf-8");
    headers.add("Expect:");
    bool sound = true;
    // What is no request yet must not be answered in its name.
    const bool step = o.body.empty();
    std::string cookies;
    for (const auto& [name, value] : o.what.headers) {
        if (name == "Cookie")
            cookies = value;
        else if (!step || name != request_id_header)
            sound = headers.add(name, value) && sound;
    }
    if (renew || !driver_.connected())
        cookies_.clear();
    if (auto all = cookies_.with(cookies); !all.empty())
        sound = headers.add("Cookie", all) && sound;
    if (!o.authorization.empty())
        sound = headers.add("Authorization", o.authorization) && sound;
    if (!sound)
        co_return result{
            failed{cause::bad_settings, reached::nothing, "a request header holds a line break"}};

    transfer t{.what = o};
    running_ = &t;
    peer_.alert = 0; // what was said before says nothing about this exchange
    const clearing on_exit{*this};
    error_text_[0] = '\0';
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, o.body.data() ? o.body.data() : ""); // not copied
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(o.body.size()));
    expect_stream(o.what.streaming.has_value());
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, renew ? 1L : 0L);
    const auto code = co_await carry_out(t);
    for (const auto& [name, value] : t.answer.headers)
        if (name == "set-cookie")
            cookies_.take(value, path_of(server_.url));
    auto ended = finish(t, code);
    if (code)
        learn(t, ended);
    const bool fits = !ended.has_value() || o.body.empty() || !o.what.fits || o.what.fits(*ended);
    if (!fits)
        driver_.abandon();
    co_return result{std::move(ended), t.moved};
}

// A new connection goes to the address that worked last, else to one of which nothing is known, else to any. (libcurl tries
// the others of its own accord only while TCP is not connected.)
task<std::optional<int>> connection::carry_out(const transfer& t)
{
    const std::function<bool(const asio::ip::address&)> may_be_tried[] = {
        [this](const asio::ip::address& a) {
            const auto& favourite = memory_.favourite();
            return !memory_.has_failed(a) &&
                   (!favourite || favourite->is_v4() != a.is_v4() || *favourite == a);
        },
        [this](const asio::ip::address& a) { return !memory_.has_failed(a); },
        {},
    };
    std::optional<int> code;
    for (const auto& rule : may_be_tried) {
        const auto left = t.what.deadline - std::chrono::steady_clock::now();
        curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, to_ms(left));
        curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, to_ms(std::min(left, limits_.connect)));
        driver_.choose(rule);
        code = co_await driver_.run(easy_);
        if (code != CURLE_COULDNT_CONNECT || !driver_.passed_over() || t.begun)
            break;
    }
    co_return code;
}

// What came of the address that a new connection went to. A failure names it: the next one goes elsewhere.
void connection::learn(const transfer& t, http::outcome& ended)
{
    if (driver_.tried().empty())
        return; // over a connection that was there
    // libcurl tells it only once TLS is done; before that it is the one that was tried last.
    const char* text = nullptr;
    curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &text);
    error_code not_told;
    auto reached = asio::ip::make_address(text ? text : "", not_told);
    if (not_told)
        reached = driver_.tried().back();
    if (t.answer.status != 0) {
        memory_.worked(reached);
        return;
    }
    if (ended.has_value() || t.moved || t.sent_again || t.too_late)
        return;
    if (!t.tls_begun && !t.begun) {
        for (const auto& one : driver_.tried())
            memory_.failed(one);
        return;
    }
    memory_.failed(reached);
    if (reached.to_string() == server_.host)
        return;
    auto why = ended.error();
    why.message += " (at " + reached.to_string() + ")";
    ended = std::move(why);
}

http::outcome connection::finish(transfer& t, std::optional<int> code)
{
    if (!code && driver_.was_cut())
        return failed{cause::connection_lost, t.begun ? reached::sent : reached::nothing,
                      "the machine slept, or its clock was set ahead, while the request to " + server_.name +
                          " was under way"};
    if (!code)
        return failed{asio::error::operation_aborted, t.begun ? reached::sent : reached::nothing,
                      "cancelled"};
    if (*code != CURLE_OK)
        return why(t, *code);
    if (t.answer.status == 0)
        return failed{cause::bad_answer, reached::sent, server_.name + " answered without a status"};
    // Whether it was cut nobody could tell: libcurl takes even a TLS connection that ends without close_notify for the
    // end of it. Exchange always says how long an answer is; the error page of a balancer may not.
    if (!t.measured && t.answer.status / 100 == 2)
        return failed{cause::bad_answer, reached::sent,
                      server_.name + " answered without saying how long the answer is"};
    if (unread(t)) {
        driver_.abandon();
        if (!t.named)
            return failed{cause::mixed_up, reached::sent,
                          server_.name + " sent more than one answer to a request, and none says which is "
                                         "meant; the connection is closed"};
    }
    return std::move(t.answer);
}

// Whether bytes of another answer came with this one and nobody read them.
bool connection::unread(const transfer& t) const
{
    if (!driver_.connected()) // closed behind the answer
        return false;
    // In plaintext what lies in the socket is such bytes; in TLS that may be a goodbye as well, which quiet() tells of later.
    return server_.tls ? t.tls && SSL_has_pending(t.tls) == 1 : driver_.has_bytes();
}

phases connection::last() const
{
    const auto took = [this](CURLINFO what) {
        curl_off_t us = 0;
        curl_easy_getinfo(easy_, what, &us);
        return std::chrono::microseconds(us);
    };
    return {took(CURLINFO_NAMELOOKUP_TIME_T), took(CURLINFO_CONNECT_TIME_T), took(CURLINFO_APPCONNECT_TIME_T),
            took(CURLINFO_STARTTRANSFER_TIME_T), took(CURLINFO_TOTAL_TIME_T)};
}

failed connection::why(const transfer& t, int code)
{
    const auto how_far = t.begun ? reached::sent : reached::nothing;
    const auto& name = server_.name;
    const auto fail = [&](cause c, std::string message) { return failed{c, how_far, std::move(message)}; };
    const auto detail = [&] {
        return error_text_[0] ? std::string(utf8_prefix(error_text_, sizeof error_text_))
                              : std::string(curl_easy_strerror(static_cast<CURLcode>(code)));
    };

    if (t.sent_again)
        return fail(cause::connection_lost, name + " closed the connection before it answered");
    if (t.too_late)
        return came_too_late();
    if (t.foreign)
        return fail(cause::mixed_up,
                    name +
                        " sent the answer to another request; the connection is closed, and what became of "
                        "this request is not known");
    if (t.moved)
        return failed{cause::connection_lost, reached::nothing,
                      name + " closed the connection between two requests"};
    if (t.too_large == transfer::excess::body)
        return fail(cause::answer_too_large,
                    fmt::format("the answer of {} is larger than {} bytes", name, limits_.max_body_bytes));
    if (t.too_large == transfer::excess::sink)
        return fail(cause::answer_too_large, name + " streams something other than what was asked for");
    if (t.too_large == transfer::excess::headers)
        return fail(cause::answer_too_large, fmt::format("the headers of {} are larger than {} bytes", name,
                                                         limits_.max_header_bytes));

    if (t.answer.status == 0)
        if (auto refused = refused_by_tls(detail())) {
            if (!t.tls_begun) // it had taken this connection before
                refused->how_far = how_far;
            return *std::move(refused);
        }
    const bool nowhere = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT;
    if (nowhere && platform::files_run_out())
        return fail(cause::unreachable,
                    fmt::format("no connection to {} can be made: {}", name, platform::no_files_left));
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return fail(cause::unreachable,
                    fmt::format("{} cannot be reached: no address is known for {}", name, server_.host));
    case CURLE_COULDNT_CONNECT: {
        long number = 0;
        curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &number);
        return fail(
            cause::unreachable,
            fmt::format("{} cannot be reached: {}", name,
                        number ? std::generic_category().message(static_cast<int>(number)) : detail()));
    }
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(t);
    case CURLE_PEER_FAILED_VERIFICATION:
        if (!peer_.trouble.empty())
            return fail(cause::tls_failed,
                        fmt::format("the certificate of {} ({}) {}", name, peer_.whom, peer_.trouble));
        return fail(cause::tls_failed, fmt::format("the certificate of {} ({}) is for another name than {}",
                                                   name, peer_.whom, server_.host));
    case CURLE_SSL_CONNECT_ERROR:
        return fail(cause::tls_failed, fmt::format("no TLS with {}: {}", name, detail()));
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return fail(cause::bad_answer,
                    fmt::format("{} answered something other than HTTP: {}", name, detail()));
    case CURLE_BAD_CONTENT_ENCODING:
        return fail(cause::bad_answer, name + " sent a compressed answer that cannot be unpacked");
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return fail(cause::connection_lost,
                    t.answer.status == 0
                        ? fmt::format("{} closed the connection before it answered", name)
                        : fmt::format("{} closed the connection in the middle of its answer", name));
    default:
        return fail(cause::connection_lost, fmt::format("the request to {} failed: {}", name, detail()));
    }
}

// Where the other side ended the handshake, or what TLS 1.3 lets follow it: the request, where it left at all, was not
// looked at.
std::optional<failed> connection::refused_by_tls(std::string_view detail)
{
    constexpr int certificate_required = 116, protocol_version = 70, handshake_failure = 40;
    const auto& name = server_.name;
    const auto fail = [](std::string message) {
        return failed{cause::tls_failed, reached::nothing, std::move(message)};
    };
    const auto alert = peer_.alert;
    const bool about_certificates =
        alert >= handshake_failure && alert <= 49 && alert != 47; // bad, revoked, unknown CA …
    if (alert == certificate_required || (peer_.asks_for_ours && about_certificates)) {
        peer_.tls_error = tls::tls_error::ours_missing;
        return fail(fmt::format(
            "{} (certificate: {}) wants a client certificate, which this agent has none of: set client "
            "certificates of its EWS folder to Ignore in IIS",
            name, peer_.whom));
    }
    // Said by it, or by our side of an old server's answer.
    if (alert == protocol_version || detail.find("unsupported protocol") != detail.npos) {
        peer_.tls_error = tls::tls_error::no_common_ground;
        return fail(
            name + " offers no TLS 1.2 or newer, and this agent uses nothing older: switch TLS 1.2 on there");
    }
    return std::nullopt;
}

failed connection::timed_out(const transfer& t)
{
    const auto& name = server_.name;
    if (t.begun)
        return {cause::timed_out, reached::sent, name + " gave no complete answer in time"};
    if (last().name == std::chrono::microseconds::zero())
        return {cause::timed_out, reached::nothing,
                name + " cannot be reached: looking up its address took too long"};
    if (!t.tls_begun)
        return {cause::timed_out, reached::nothing, name + " cannot be reached: no connection in time"};
    return {cause::timed_out, reached::nothing, name + " did not finish the TLS handshake in time"};
}

} // namespace relay::http
