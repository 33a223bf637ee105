// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/share.h"

#include <cstring>

#include "core/base/check.h"

namespace sovren::jobs {

void Packer::texts(std::span<const std::string> values) {
  number<std::uint64_t>(values.size());
  for (const std::string& value : values) text(value);
}

std::vector<std::string> Unpacker::texts() {
  std::vector<std::string> values(number<std::uint64_t>());
  for (std::string& value : values) value = text();
  return values;
}

void Unpacker::take(std::span<std::byte> out) {
  SOVREN_CHECK(out.size() <= rest_.size(), "both sides know what is packed");
  if (out.empty()) return;
  std::memcpy(out.data(), rest_.data(), out.size());
  rest_ = rest_.subspan(out.size());
}

namespace {

void pack(Packer& packer, const Error& error) {
  packer.number(error.code);
  packer.text(error.what);
  packer.text(error.hint);
  packer.text(error.where);
  packer.texts(error.context);
}

Error unpack_error(Unpacker& unpacker) {
  Error error;
  error.code = unpacker.number<Code>();
  error.what = unpacker.text();
  error.hint = unpacker.text();
  error.where = unpacker.text();
  error.context = unpacker.texts();
  return error;
}

void pack(Packer& packer, const Table& table) {
  packer.texts(table.names);
  packer.texts(table.all_names);
  packer.number(table.rows);
  packer.number(table.columns);
  packer.number<std::uint8_t>(table.has_missing ? 1 : 0);
  packer.numbers(std::span<const double>(table.values));
  packer.text(table.sha256);
}

Table unpack_table(Unpacker& unpacker) {
  Table table;
  table.names = unpacker.texts();
  table.all_names = unpacker.texts();
  table.rows = unpacker.number<int>();
  table.columns = unpacker.number<int>();
  table.has_missing = unpacker.number<std::uint8_t>() != 0;
  table.values = unpacker.numbers<double>();
  table.sha256 = unpacker.text();
  return table;
}

void pack(Packer& packer, const Truth& truth) {
  packer.number<std::uint8_t>(truth.has_lags ? 1 : 0);
  packer.numbers(std::span<const TrueLink>(truth.links));
  packer.texts(truth.notes);
  packer.text(truth.sha256);
}

Truth unpack_truth(Unpacker& unpacker) {
  Truth truth;
  truth.has_lags = unpacker.number<std::uint8_t>() != 0;
  truth.links = unpacker.numbers<TrueLink>();
  truth.notes = unpacker.texts();
  truth.sha256 = unpacker.text();
  return truth;
}

std::vector<std::byte> packed(const Result<Inputs>& read) {
  Packer packer;
  packer.number<std::uint8_t>(read.has_value() ? 1 : 0);
  if (read) {
    pack(packer, read->table);
    packer.number<std::uint8_t>(read->truth ? 1 : 0);
    if (read->truth) pack(packer, *read->truth);
    packer.number<std::uint8_t>(read->mask ? 1 : 0);
    if (read->mask) pack(packer, *read->mask);
  } else {
    pack(packer, read.error());
  }
  return {packer.bytes().begin(), packer.bytes().end()};
}

Result<Inputs> unpacked(std::span<const std::byte> bytes) {
  Unpacker unpacker(bytes);
  if (unpacker.number<std::uint8_t>() == 0) return fail(unpack_error(unpacker));
  Inputs inputs;
  inputs.table = unpack_table(unpacker);
  if (unpacker.number<std::uint8_t>() != 0) inputs.truth = unpack_truth(unpacker);
  if (unpacker.number<std::uint8_t>() != 0) inputs.mask = unpack_table(unpacker);
  return inputs;
}

}  // namespace

Result<Inputs> read_and_share(Communicator& comm, const std::function<Result<Inputs>()>& read) {
  if (comm.size() == 1) return read();
  if (comm.rank() == 0) {
    Result<Inputs> inputs = read();
    std::vector<std::byte> bytes = packed(inputs);
    std::uint64_t size = bytes.size();
    SOVREN_DO(comm.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0));
    SOVREN_DO(comm.broadcast(bytes, 0));
    return inputs;
  }
  std::uint64_t size = 0;
  SOVREN_DO(comm.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0));
  std::vector<std::byte> bytes(size);
  SOVREN_DO(comm.broadcast(bytes, 0));
  return unpacked(bytes);
}

}  // namespace sovren::jobs
