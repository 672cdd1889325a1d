#include "agent/store/sqlite/prepared_statement.hpp"

#include <sqlite3.h>

#include <cassert>

namespace relay::store::sqlite {
namespace {

// SQLITE_STATIC: the caller keeps text and blobs until the run is over, so SQLite need not copy them.
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
    int operator()(sql::blob b) const
    {
        return sqlite3_bind_blob64(handle, index, b.bytes.empty() ? "" : b.bytes.data(), b.bytes.size(),
                                   SQLITE_STATIC);
    }
};

} // namespace

prepared_statement::~prepared_statement()
{
    sqlite3_finalize(handle_);
}

error_code prepared_statement::start(std::span<const sql::value> values)
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

result<bool> prepared_statement::step()
{
    const int rc = sqlite3_step(handle_);
    if (rc == SQLITE_ROW)
        return true;
    if (rc == SQLITE_DONE)
        return false;
    return {boost::system::in_place_error, db_.failed(rc)};
}

void prepared_statement::reset() noexcept
{
    if (!handle_)
        return;
    sqlite3_reset(handle_); // repeats the code of a failed step(), which was reported there
    sqlite3_clear_bindings(handle_);
}

std::int64_t prepared_statement::number(int column) const
{
    return sqlite3_column_int64(handle_, column);
}

std::string_view prepared_statement::bytes(int column) const
{
    // In this order, as SQLite asks for it: the size is that of what the call before it has brought into shape.
    const auto* from = static_cast<const char*>(sqlite3_column_blob(handle_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
    return from ? std::string_view(from, size) : std::string_view();
}

bool prepared_statement::null(int column) const
{
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

} // namespace relay::store::sqlite
