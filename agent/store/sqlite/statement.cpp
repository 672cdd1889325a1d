#include "agent/store/sqlite/statement.hpp"

#include <sqlite3.h>

#include <cassert>

namespace relay::store::sqlite {
namespace {

struct binder {
    sqlite3_stmt* handle;
    int index;

    int operator()(std::nullptr_t) const { return sqlite3_bind_null(handle, index); }
    int operator()(std::int64_t n) const { return sqlite3_bind_int64(handle, index, n); }
    // An empty string_view may have no address, which SQLite would take for NULL.
    int operator()(std::string_view t) const
    {
        return sqlite3_bind_text64(handle, index, t.empty() ? "" : t.data(), t.size(), SQLITE_STATIC,
                                   SQLITE_UTF8);
    }
    int operator()(blob b) const
    {
        return sqlite3_bind_blob64(handle, index, b.bytes.empty() ? "" : b.bytes.data(), b.bytes.size(),
                                   SQLITE_STATIC);
    }
};

} // namespace

statement::~statement()
{
    sqlite3_finalize(handle_);
}

error_code statement::start(std::initializer_list<value> values)
{
    if (!handle_) {
        const int rc = sqlite3_prepare_v3(db_.handle(), sql_.data(), static_cast<int>(sql_.size()),
                                          SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
        if (rc != SQLITE_OK)
            return db_.failed(rc);
    }
    assert(!sqlite3_stmt_busy(handle_) && "one run at a time");
    int index = 0;
    for (const auto& v : values)
        if (const int rc = std::visit(binder{handle_, ++index}, v); rc != SQLITE_OK)
            return db_.failed(rc);
    return {};
}

result<bool> statement::step()
{
    const int rc = sqlite3_step(handle_);
    if (rc == SQLITE_ROW)
        return true;
    if (rc == SQLITE_DONE)
        return false;
    return {boost::system::in_place_error, db_.failed(rc)};
}

void statement::reset() noexcept
{
    if (!handle_)
        return;
    sqlite3_reset(handle_); // repeats the code of a failed step(), which was reported there
    sqlite3_clear_bindings(handle_);
}

result<void> statement::run(std::initializer_list<value> values)
{
    auto found = query(values);
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return {};
    }
}

statement::rows statement::query(std::initializer_list<value> values)
{
    return rows(*this, start(values));
}

statement::rows::~rows()
{
    if (owner_)
        owner_->reset();
}

result<bool> statement::rows::next()
{
    if (failure_)
        return {boost::system::in_place_error, failure_};
    return owner_->step();
}

std::int64_t statement::rows::number(int column) const
{
    return sqlite3_column_int64(owner_->handle_, column);
}

std::optional<std::int64_t> statement::rows::number_or_null(int column) const
{
    if (null(column))
        return std::nullopt;
    return number(column);
}

std::string statement::rows::text(int column) const
{
    const auto* bytes_of = static_cast<const char*>(sqlite3_column_blob(owner_->handle_, column));
    const auto size = sqlite3_column_bytes(owner_->handle_, column);
    return bytes_of ? std::string(bytes_of, static_cast<std::size_t>(size)) : std::string();
}

std::size_t statement::rows::bytes(int column) const
{
    return static_cast<std::size_t>(sqlite3_column_bytes(owner_->handle_, column));
}

bool statement::rows::null(int column) const
{
    return sqlite3_column_type(owner_->handle_, column) == SQLITE_NULL;
}

result<std::vector<std::string>> all_texts(statement::rows rows)
{
    std::vector<std::string> all;
    for (;;) {
        const auto row = rows.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return all;
        all.push_back(rows.text(0));
    }
}

} // namespace relay::store::sqlite
