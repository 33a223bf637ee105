// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/nn/emulated_device.h"

#include <ucontext.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>

namespace sovren::nn::device {
namespace {

constexpr std::size_t stack_bytes = 128 << 10;

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "emulated device: %s\n", why);
  std::abort();
}

/// What a lane shows the others of its warp.
struct Slot {
  double number = 0;
  std::array<std::uint32_t, 6> words{};  ///< a, then b, of a multiplication
  const Bf16* row = nullptr;
};

struct Copy {
  Bf16* to;
  const Bf16* from;
  bool is_inside;
};

enum class State { ready, at_warp, at_block, done };

struct Fiber {
  ucontext_t context{};
  std::unique_ptr<char[]> stack;
  State state = State::ready;
  std::array<Slot, 2> slots;  ///< taken in turn: nobody reads the other one any more
  std::size_t turn = 0;
  std::deque<std::vector<Copy>> groups;  ///< copies on their way; the last is not committed yet
};

}  // namespace

class EmulatedBlock {
 public:
  EmulatedBlock(const Grid& grid, Order order,
                const std::function<void(const EmulatedThread&, char*)>& body)
      : grid_(grid), order_(order), body_(body), fibers_(static_cast<std::size_t>(grid.threads)) {
    for (Fiber& fiber : fibers_) fiber.stack = std::make_unique<char[]>(stack_bytes);
    shared_.resize(grid.shared / 16 + 1);
  }

  void run(std::int64_t x, int y, int z);
  void wait(const EmulatedThread& thread, State state) {
    Fiber& fiber = of(thread);
    fiber.state = state;
    swapcontext(&fiber.context, &scheduler_);
  }
  Fiber& of(const EmulatedThread& thread) {
    return fibers_[static_cast<std::size_t>(thread.index())];
  }
  /// Shows the slot to the warp, waits until all lanes show theirs.
  void show(const EmulatedThread& thread, const Slot& slot) {
    Fiber& fiber = of(thread);
    fiber.turn = 1 - fiber.turn;
    fiber.slots[fiber.turn] = slot;
    wait(thread, State::at_warp);
  }
  /// What a lane of the same warp shows.
  const Slot& shown(const EmulatedThread& thread, int lane) {
    return fibers_[static_cast<std::size_t>(thread.warp() * warp_size + lane)]
        .slots[of(thread).turn];
  }

 private:
  struct alignas(16) Chunk {
    std::array<std::uint32_t, 4> words;
  };

  static void enter(unsigned high, unsigned low);
  void prepare(Fiber& fiber);
  void run_ready();
  bool release();

  const Grid& grid_;
  Order order_;
  const std::function<void(const EmulatedThread&, char*)>& body_;
  std::vector<Fiber> fibers_;
  std::vector<Chunk> shared_;
  std::vector<EmulatedThread> threads_;
  ucontext_t scheduler_{};
  std::size_t running_ = 0;
};

// makecontext passes ints: the block's address comes in two.
void EmulatedBlock::enter(unsigned high, unsigned low) {
  const auto address = std::uint64_t{high} << 32 | low;
  auto& block = *reinterpret_cast<EmulatedBlock*>(static_cast<std::uintptr_t>(address));
  Fiber& fiber = block.fibers_[block.running_];
  block.body_(block.threads_[block.running_], reinterpret_cast<char*>(block.shared_.data()));
  fiber.state = State::done;
  swapcontext(&fiber.context, &block.scheduler_);
}

void EmulatedBlock::run_ready() {
  for (std::size_t k = 0; k < fibers_.size(); ++k) {
    running_ = order_ == Order::forward ? k : fibers_.size() - 1 - k;
    if (fibers_[running_].state == State::ready)
      swapcontext(&scheduler_, &fibers_[running_].context);
  }
}

/// Lets go on whoever waited for the last; false: nobody may.
bool EmulatedBlock::release() {
  bool any = false;
  const auto all = [](auto first, auto end, State state) {
    for (auto fiber = first; fiber != end; ++fiber)
      if (fiber->state != state) return false;
    for (auto fiber = first; fiber != end; ++fiber) fiber->state = State::ready;
    return true;
  };
  for (auto warp = fibers_.begin(); warp != fibers_.end(); warp += warp_size)
    any = all(warp, warp + warp_size, State::at_warp) || any;
  return any || all(fibers_.begin(), fibers_.end(), State::at_block);
}

/// getcontext may return twice, for all that the compiler knows: so no loop goes on around it.
void EmulatedBlock::prepare(Fiber& fiber) {
  fiber.state = State::ready;
  fiber.groups.assign(1, {});
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = stack_bytes;
  const auto address = std::uint64_t{reinterpret_cast<std::uintptr_t>(this)};
  makecontext(&fiber.context, reinterpret_cast<void (*)()>(enter), 2,
              static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
}

void EmulatedBlock::run(std::int64_t x, int y, int z) {
  for (Chunk& chunk : shared_) chunk.words.fill(0xFFFFFFFF);  // NaN as fp32, double and bf16
  threads_.clear();
  for (std::size_t k = 0; k < fibers_.size(); ++k) {
    threads_.push_back(EmulatedThread(*this, grid_, static_cast<int>(k), x, y, z));
    prepare(fibers_[k]);
  }
  do run_ready();
  while (release());
  for (const Fiber& fiber : fibers_)
    if (fiber.state != State::done) give_up("not all threads came to a barrier");
}

void EmulatedThread::sync() const {
  block_.wait(*this, State::at_block);
}

void EmulatedThread::sync_warp() const {
  block_.wait(*this, State::at_warp);
}

double EmulatedThread::exchange(double x, int mask) const {
  block_.show(*this, {.number = x});
  return block_.shown(*this, lane() ^ mask).number;
}

std::uint32_t EmulatedThread::ballot(bool is_so) const {
  block_.show(*this, {.number = is_so ? 1.0 : 0.0});
  std::uint32_t votes = 0;
  for (int i = 0; i < warp_size; ++i)
    if (block_.shown(*this, i).number != 0) votes |= 1U << i;
  return votes;
}

std::uint32_t EmulatedThread::broadcast(std::uint32_t x, int from) const {
  block_.show(*this, {.number = static_cast<double>(x)});
  return static_cast<std::uint32_t>(block_.shown(*this, from).number);
}

// PTX ISA, "Matrix Fragments for mma.m16n8k16": with g = lane / 4 and t = lane % 4, a lane holds of
// A rows g (words 0, 2) and g + 8 (words 1, 3), columns 2 t, 2 t + 1 (words 0, 1), and 8 more
// (words 2, 3); of B column g, rows 2 t, 2 t + 1 (word 0), and 8 more (word 1); of C rows g (0, 1),
// g + 8 (2, 3), columns 2 t, 2 t + 1.
void EmulatedThread::multiply(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                              std::uint32_t b1) const {
  block_.show(*this, {.words = {a[0], a[1], a[2], a[3], b0, b1}});
  const auto half = [](std::uint32_t word, int k) { return k % 2 ? high_of(word) : low_of(word); };
  for (int i = 0; i < 4; ++i) {
    const int row = lane() / 4 + 8 * (i / 2);
    const int column = 2 * (lane() % 4) + i % 2;
    double sum = c[i];
    for (int k = 0; k < 16; ++k) {
      const Slot& left = block_.shown(*this, row % 8 * 4 + k % 8 / 2);
      const Slot& right = block_.shown(*this, column * 4 + k % 8 / 2);
      const auto a_word = left.words[static_cast<std::size_t>(row / 8 + 2 * (k / 8))];
      const auto b_word = right.words[static_cast<std::size_t>(4 + k / 8)];
      sum += static_cast<double>(half(a_word, k)) * half(b_word, k);
    }
    c[i] = static_cast<float>(sum);
  }
}

void EmulatedThread::load_matrices(std::uint32_t (&r)[4], const Bf16* row) const {
  block_.show(*this, {.row = row});
  for (int k = 0; k < 4; ++k)
    std::memcpy(&r[k], block_.shown(*this, 8 * k + lane() / 4).row + 2 * (lane() % 4), 4);
}

void EmulatedThread::load_transposed(std::uint32_t (&r)[4], const Bf16* row) const {
  block_.show(*this, {.row = row});
  for (int k = 0; k < 4; ++k) {
    const Bf16* const upper = block_.shown(*this, 8 * k + 2 * (lane() % 4)).row;
    const Bf16* const lower = block_.shown(*this, 8 * k + 2 * (lane() % 4) + 1).row;
    r[k] = upper[lane() / 4] | static_cast<std::uint32_t>(lower[lane() / 4]) << 16;
  }
}

void EmulatedThread::copy_async(Bf16* shared, const Bf16* global, bool is_inside) const {
  const auto address = reinterpret_cast<std::uintptr_t>(shared);
  if (address % 16 != 0) give_up("a copy of 16 bytes is not aligned");
  block_.of(*this).groups.back().push_back({shared, global, is_inside});
}

void EmulatedThread::commit() const {
  block_.of(*this).groups.emplace_back();
}

void EmulatedThread::wait_for_copies(int open) const {
  auto& groups = block_.of(*this).groups;
  for (; groups.size() > static_cast<std::size_t>(open) + 1; groups.pop_front())
    for (const Copy& copy : groups.front()) {
      if (copy.is_inside)
        std::memcpy(copy.to, copy.from, 16);
      else
        std::memset(copy.to, 0, 16);
    }
}

void run_grid(const Grid& grid, Order order,
              const std::function<void(const EmulatedThread&, char*)>& body) {
  EmulatedBlock block(grid, order, body);
  for (std::int64_t z = 0; z < grid.z; ++z)
    for (std::int64_t y = 0; y < grid.y; ++y)
      for (std::int64_t x = 0; x < grid.x; ++x)
        block.run(x, static_cast<int>(y), static_cast<int>(z));
}

}  // namespace sovren::nn::device
