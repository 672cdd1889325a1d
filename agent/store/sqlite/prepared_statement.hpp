// A statement as SQLite keeps it.
#pragma once

#include "agent/store/sqlite/database.hpp"

struct sqlite3_stmt;

namespace relay::store::sqlite {

class prepared_statement final : public sql::prepared {
public:
    prepared_statement(database& db, std::string_view sql) : db_(db), sql_(sql) {}
    ~prepared_statement() override;
    prepared_statement(const prepared_statement&) = delete;
    prepared_statement& operator=(const prepared_statement&) = delete;

    error_code start(std::span<const sql::value> values) override;
    result<bool> step() override;
    void reset() noexcept override;
    std::int64_t number(int column) const override;
    std::string_view bytes(int column) const override;
    bool null(int column) const override;

private:
    database& db_;
    std::string_view sql_;
    sqlite3_stmt* handle_ = nullptr;
};

} // namespace relay::store::sqlite
