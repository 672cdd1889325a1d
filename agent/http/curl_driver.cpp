// libcurl must not be entered again from one of its own callbacks, so these only take notes: what libcurl wants to know
// of which socket, and when it wants to be called again. The notes are acted upon once its call has returned.
//
// A socket is made by asio (CURLOPT_OPENSOCKETFUNCTION), stays registered with the reactor until libcurl closes it, and
// a wait is begun only where libcurl wants one and none is under way; one that ends unwanted is forgotten. libcurl has a
// descriptor of its own of each: what it gives up while it connects, after a timeout or as the slower of two addresses, it
// closes without telling, and that number may be somebody else's the next moment. The clock is
// as lazy: libcurl moves its next timeout with every request, and a timer that was set for an earlier one is left to
// run and then looks again, so that a request sets none as a rule.
//
// While libcurl looks a name up it names a socket of its own (its thread's, or c-ares'), which it may close without
// telling. That one is not watched: libcurl is called every few milliseconds instead until it has the address.
#include "agent/http/curl_driver.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#ifndef _WIN32
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace relay::http {
namespace {

using tcp = asio::ip::tcp;

constexpr milliseconds look_up_interval{5};
constexpr int calls_at_once =
    8; // of those that libcurl wants "now", before others on the loop get their turn

steady_time now()
{
    return std::chrono::steady_clock::now();
}

asio::ip::address address_in(const curl_sockaddr& from)
{
    tcp::endpoint endpoint;
    if (from.addrlen <= endpoint.capacity()) {
        std::memcpy(endpoint.data(), &from.addr, from.addrlen);
        endpoint.resize(from.addrlen);
    }
    return endpoint.address();
}

#ifdef _WIN32
// There is one handle, and no telling.
curl_socket_t another_descriptor(curl_socket_t s)
{
    return s;
}
void close_descriptor(curl_socket_t) {}
bool same_socket(curl_socket_t, curl_socket_t)
{
    return true;
}
#else
curl_socket_t another_descriptor(curl_socket_t s)
{
    return ::fcntl(s, F_DUPFD_CLOEXEC, 0); // CURL_SOCKET_BAD if that fails
}

void close_descriptor(curl_socket_t s)
{
    ::close(s);
}

bool same_socket(curl_socket_t a, curl_socket_t b)
{
    struct stat of_a {
    }, of_b{};
    return ::fstat(a, &of_a) == 0 && ::fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}
#endif

} // namespace

class curl_driver::state : public std::enable_shared_from_this<state> {
public:
    explicit state(const asio::any_io_executor& executor);
    ~state();

    void equip(CURL* easy);
    task<std::optional<int>> run(CURL* easy);
    void cancel() noexcept;
    void cut() noexcept;
    bool connected() const noexcept { return !sockets_.empty(); }
    bool quiet() const;
    bool has_bytes() const;
    void abandon() noexcept;

    std::uint64_t opened = 0;
    bool was_cut = false; // the last transfer
    std::function<bool(const asio::ip::address&)> may_be_tried;
    std::vector<asio::ip::address> tried;
    bool passed_over = false;

private:
    struct watched {
        explicit watched(const asio::any_io_executor& executor) : socket(executor) {}
        tcp::socket socket;
        curl_socket_t theirs = CURL_SOCKET_BAD; // libcurl's descriptor of it
        int wanted = CURL_POLL_NONE;
        bool reading = false; // a wait is under way, as it is with `writing`
        bool writing = false;
        bool closed = false;
    };
    struct removal;

    static curl_socket_t open(void* self, curlsocktype purpose, curl_sockaddr* address);
    static int close(void* self, curl_socket_t s);
    static int want(CURL*, curl_socket_t s, int what, void* self, void*);
    static int want_call(CURLM*, long in_ms, void* self);

    std::shared_ptr<watched> find(curl_socket_t s) const;
    void forget(const std::shared_ptr<watched>& s);
    void forget_closed();
    void call();
    void act(curl_socket_t s, int events);
    void watch();
    void wait(const std::shared_ptr<watched>& s, tcp::socket::wait_type what, bool watched::*under_way);
    void set_clock();
    error_code peek() const;

    CURLM* const multi_;
    asio::any_io_executor executor_;
    asio::steady_timer clock_;
    steady_time set_for_ = steady_time::max(); // when clock_ wakes us
    steady_time call_at_ = steady_time::max(); // when libcurl wants to be called
    asio::steady_timer over_;                  // cancelled when there is something to look at
    bool active_ = false;                      // a transfer is under way
    bool cancelled_ = false;
    std::optional<int> code_;
    curl_socket_t stranger_ =
        CURL_SOCKET_TIMEOUT; // wanted by libcurl and not made by us; no socket where there is none
    std::vector<std::shared_ptr<watched>>
        sockets_; // two at most: one each for IPv4 and IPv6 while connecting
};

// Takes the transfer out again, however its coroutine ends.
struct curl_driver::state::removal {
    state& of;
    CURL* easy;
    ~removal()
    {
        of.active_ = false;
        curl_multi_remove_handle(of.multi_, easy); // closes the connection where the transfer was not over
        of.forget_closed();
    }
};

curl_driver::state::state(const asio::any_io_executor& executor)
    : multi_(curl_multi_init()),
      executor_(executor),
      clock_(executor),
      over_(executor, steady_time::max())
{
    if (!multi_)
        throw std::bad_alloc();
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1L);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &state::want);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &state::want_call);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

curl_driver::state::~state()
{
    curl_multi_cleanup(multi_); // closes the connection: state::close()
    for (const auto& s : sockets_)
        s->closed = true;
}

void curl_driver::state::equip(CURL* easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &state::open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &state::close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

std::shared_ptr<curl_driver::state::watched> curl_driver::state::find(curl_socket_t s) const
{
    for (const auto& one : sockets_)
        if (one->theirs == s)
            return one;
    return nullptr;
}

void curl_driver::state::forget(const std::shared_ptr<watched>& s)
{
    s->closed = true;   // for a wait that is over, and on its way to us
    error_code ignored; // the connection is done with
    s->socket.close(ignored);
    std::erase(sockets_, s);
}

// What libcurl closed without telling.
void curl_driver::state::forget_closed()
{
    const auto all = sockets_;
    for (const auto& s : all)
        if (!same_socket(s->theirs, s->socket.native_handle()))
            forget(s);
}

curl_socket_t curl_driver::state::open(void* self, curlsocktype, curl_sockaddr* address)
{
    auto& d = *static_cast<state*>(self);
    const auto where = address_in(*address);
    if (d.may_be_tried && !d.may_be_tried(where)) {
        d.passed_over = true;
        return CURL_SOCKET_BAD; // libcurl goes on to the next one
    }
    d.tried.push_back(where);
    d.forget_closed(); // whose number the new one may get
    const auto made = std::make_shared<watched>(d.executor_);
    error_code ec;
    made->socket.open(address->family == AF_INET6 ? tcp::v6() : tcp::v4(), ec);
    if (!ec)
        made->socket.non_blocking(true,
                                  ec); // libcurl does it too; this way asio knows, and quiet() never waits
    if (ec)
        return CURL_SOCKET_BAD;
    made->theirs = another_descriptor(made->socket.native_handle());
    if (made->theirs == CURL_SOCKET_BAD)
        return CURL_SOCKET_BAD;
    d.sockets_.push_back(made);
    ++d.opened;
    return made->theirs;
}

int curl_driver::state::close(void* self, curl_socket_t s)
{
    auto& d = *static_cast<state*>(self);
    if (const auto found = d.find(s)) {
        close_descriptor(found->theirs);
        d.forget(found);
    }
    return 0;
}

int curl_driver::state::want(CURL*, curl_socket_t s, int what, void* self, void*)
{
    auto& d = *static_cast<state*>(self);
    if (const auto found = d.find(s))
        found->wanted = what == CURL_POLL_REMOVE ? CURL_POLL_NONE : what;
    else
        d.stranger_ = what == CURL_POLL_REMOVE ? CURL_SOCKET_TIMEOUT : s;
    return 0;
}

int curl_driver::state::want_call(CURLM*, long in_ms, void* self)
{
    static_cast<state*>(self)->call_at_ = in_ms < 0 ? steady_time::max() : now() + milliseconds(in_ms);
    return 0;
}

task<std::optional<int>> curl_driver::state::run(CURL* easy)
{
    code_.reset();
    was_cut = false;
    tried.clear();
    passed_over = false;
    if (cancelled_)
        co_return code_;
    if (curl_multi_add_handle(multi_, easy) != CURLM_OK)
        co_return static_cast<int>(CURLE_FAILED_INIT);
    const removal on_exit{*this, easy};
    active_ = true;
    call();
    while (!code_ && !cancelled_ && !was_cut) {
        co_await over_.async_wait(use_tuple);
        const auto ours = co_await asio::this_coro::cancellation_state;
        if (ours.cancelled() != asio::cancellation_type::none)
            break;
    }
    co_return code_;
}

void curl_driver::state::cut() noexcept
{
    if (!active_)
        return;
    was_cut = true;
    over_.cancel();
}

void curl_driver::state::cancel() noexcept
{
    cancelled_ = true;
    over_.cancel();
}

// Lets libcurl look at the time.
void curl_driver::state::call()
{
    call_at_ = steady_time::max();
    act(stranger_, 0); // at the time too, whichever socket is named
}

// Lets libcurl go on. The coroutine is not resumed in here, so that whatever it destroys is not in use.
void curl_driver::state::act(curl_socket_t s, int events)
{
    int unfinished = 0;
    auto went = curl_multi_socket_action(multi_, s, events, &unfinished);
    for (int n = 0; went == CURLM_OK && unfinished > 0 && call_at_ <= now() && n < calls_at_once; ++n) {
        call_at_ = steady_time::max();
        went = curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &unfinished);
    }
    if (went == CURLM_OK && unfinished > 0) {
        watch();
        return;
    }
    int queued = 0;
    const auto* const message = curl_multi_info_read(multi_, &queued);
    code_ = static_cast<int>(message ? message->data.result : CURLE_FAILED_INIT);
    active_ = false;
    over_.cancel();
}

void curl_driver::state::watch()
{
    for (const auto& s : sockets_) {
        if ((s->wanted & CURL_POLL_IN) && !s->reading)
            wait(s, tcp::socket::wait_read, &watched::reading);
        if ((s->wanted & CURL_POLL_OUT) && !s->writing)
            wait(s, tcp::socket::wait_write, &watched::writing);
    }
    if (stranger_ != CURL_SOCKET_TIMEOUT)
        call_at_ = std::min(call_at_, now() + look_up_interval);
    if (call_at_ < set_for_)
        set_clock();
}

void curl_driver::state::wait(const std::shared_ptr<watched>& s, tcp::socket::wait_type what,
                              bool watched::*under_way)
{
    (*s).*under_way = true;
    s->socket.async_wait(what, [weak = weak_from_this(), s, what, under_way](const error_code& ec) {
        (*s).*under_way = false;
        const auto self = weak.lock();
        const int wanted = what == tcp::socket::wait_read ? CURL_POLL_IN : CURL_POLL_OUT;
        if (!self || s->closed || !self->active_ || !(s->wanted & wanted))
            return;
        self->act(s->theirs, ec                               ? CURL_CSELECT_ERR
                             : what == tcp::socket::wait_read ? CURL_CSELECT_IN
                                                              : CURL_CSELECT_OUT);
    });
}

void curl_driver::state::set_clock()
{
    set_for_ = call_at_;
    clock_.expires_at(set_for_); // the wait for a later time ends with operation_aborted
    clock_.async_wait([weak = weak_from_this()](const error_code& ec) {
        const auto self = weak.lock();
        if (ec || !self)
            return;
        self->set_for_ = steady_time::max();
        if (!self->active_)
            return;
        if (self->call_at_ > now()) {
            self->watch();
            return;
        }
        self->call();
    });
}

error_code curl_driver::state::peek() const
{
    char byte;
    error_code ec;
    sockets_.front()->socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, ec);
    return ec;
}

bool curl_driver::state::quiet() const
{
    return sockets_.size() == 1 && peek() == asio::error::would_block;
}

bool curl_driver::state::has_bytes() const
{
    return sockets_.size() == 1 && !peek();
}

void curl_driver::state::abandon() noexcept
{
    error_code ignored; // it may be closed already
    for (const auto& s : sockets_)
        s->socket.shutdown(tcp::socket::shutdown_both, ignored);
}

curl_driver::curl_driver(const asio::any_io_executor& executor) : state_(std::make_shared<state>(executor)) {}

curl_driver::~curl_driver() = default;

void curl_driver::equip(void* easy)
{
    state_->equip(easy);
}

task<std::optional<int>> curl_driver::run(void* easy)
{
    return state_->run(easy);
}

void curl_driver::cut() noexcept
{
    state_->cut();
}

bool curl_driver::was_cut() const noexcept
{
    return state_->was_cut;
}

void curl_driver::choose(std::function<bool(const asio::ip::address&)> may_be_tried)
{
    state_->may_be_tried = std::move(may_be_tried);
}

const std::vector<asio::ip::address>& curl_driver::tried() const noexcept
{
    return state_->tried;
}

bool curl_driver::passed_over() const noexcept
{
    return state_->passed_over;
}

void curl_driver::cancel() noexcept
{
    state_->cancel();
}

bool curl_driver::connected() const noexcept
{
    return state_->connected();
}

void curl_driver::abandon() noexcept
{
    state_->abandon();
}

bool curl_driver::has_bytes() const
{
    return state_->has_bytes();
}

bool curl_driver::quiet() const
{
    return state_->quiet();
}

std::uint64_t curl_driver::opened() const noexcept
{
    return state_->opened;
}

} // namespace relay::http
