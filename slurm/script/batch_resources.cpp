// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/batch_resources.h"

#include <algorithm>

namespace sovren::slurm {
namespace {

using Per = MemoryWish::Per;

constexpr std::int64_t nodes_max = 10'000;
constexpr std::int64_t ranks_max = 100'000;
constexpr std::int64_t cpus_max = 4096;  // of a rank, as GPUs
constexpr std::int64_t gpus_max = 64;
constexpr std::int64_t memory_max = std::int64_t{1} << 50;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

std::string counted(std::int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

class ResourceWriter {
 public:
  ResourceWriter(Wishes& wishes, text::Problems& problems) : wishes_(wishes), problems_(problems) {}

  void write() {
    find_nodes_of_gpus();
    nodes_ = bounded(nodes_, nodes_max, "nodes", nodes_by_);
    find_ranks();
    ranks_ = bounded(ranks_, ranks_max, "tasks", ranks_by_);
    drop_nodes();
    find_gpus();
    gpus_ = bounded(gpus_, gpus_max, "GPUs a task", gpus_by_);
    put("nodes", nodes_, nodes_by_);
    put("ranks", ranks_, ranks_by_);
    put("gpus_per_rank", gpus_, gpus_by_);
    if (const auto& cpus = wishes_.cpus_per_task)
      cpus_ = bounded(cpus->value, cpus_max, "cores a task", cpus->by);
    if (wishes_.cpus_per_gpu) cpus_of_gpus(*wishes_.cpus_per_gpu);
    if (const auto& cpus = wishes_.cpus_per_task) put("cpus_per_rank", cpus_, cpus->by);
    if (wishes_.memory) put_memory(*wishes_.memory);
  }

 private:
  void put(const std::string& key, std::int64_t value, const GivenOption& by) {
    if (by.option == nullptr) return;  // nobody asked: the default
    wishes_.keys["resources." + key] = {std::to_string(value), by};
  }

  std::int64_t bounded(std::int64_t value, std::int64_t max, const std::string& what,
                       const GivenOption& by) {
    if (value <= max) return value;
    problems_.add(by.place, "a job has at most " + std::to_string(max) + " " + what + ", got " +
                                std::to_string(value));
    return max;
  }

  // "--gpus=8 --gpus-per-node=4" says how many nodes.
  void find_nodes_of_gpus() {
    if (wishes_.nodes) {
      nodes_ = wishes_.nodes->value.min;
      nodes_by_ = wishes_.nodes->by;
      return;
    }
    const auto& all = wishes_.gpus;
    const auto& each = wishes_.gpus_per_node;
    if (!all || !each || each->value.count == 0) return;
    if (all->value.count % each->value.count != 0) return;  // said by find_gpus
    nodes_ = std::max<std::int64_t>(1, all->value.count / each->value.count);
    nodes_by_ = all->by;
  }

  std::int64_t total_gpus() const {
    if (wishes_.gpus) return wishes_.gpus->value.count;
    if (wishes_.gpus_per_node) return wishes_.gpus_per_node->value.count * nodes_;
    return 0;
  }

  void find_ranks() {
    if (const auto& per_gpu = wishes_.ntasks_per_gpu; per_gpu && per_gpu->value > 1)
      problems_.add(per_gpu->by.place, "--ntasks-per-gpu: ranks do not share a GPU here",
                    "use --ntasks-per-gpu=1, or fewer tasks with more --cpus-per-task",
                    Code::refused);
    if (wishes_.ntasks) {
      ranks_ = wishes_.ntasks->value;
      ranks_by_ = wishes_.ntasks->by;
      fit_nodes();
      return;
    }
    const auto& per_task = wishes_.gpus_per_task;
    if (wishes_.ntasks_per_node) {
      ranks_ = wishes_.ntasks_per_node->value * nodes_;
      ranks_by_ = wishes_.ntasks_per_node->by;
    } else if (wishes_.ntasks_per_gpu && total_gpus() > 0) {
      ranks_ = total_gpus();
      ranks_by_ = wishes_.ntasks_per_gpu->by;
    } else if (wishes_.gpus && per_task && per_task->value.count > 0 &&
               wishes_.gpus->value.count % per_task->value.count == 0) {
      ranks_ = std::max<std::int64_t>(1, wishes_.gpus->value.count / per_task->value.count);
      ranks_by_ = per_task->by;
    } else {
      ranks_ = nodes_;
      ranks_by_ = nodes_by_;
    }
  }

  // A node has at least one task, as sbatch has it.
  void drop_nodes() {
    if (nodes_ <= ranks_) return;
    wishes_.warnings.push_back("can't run " + counted(ranks_, "task") + " on " +
                               counted(nodes_, "node") + ": --nodes is taken as " +
                               std::to_string(ranks_));
    nodes_ = ranks_;
  }

  // Of a job with --ntasks.
  void fit_nodes() {
    drop_nodes();
    const auto& per_node = wishes_.ntasks_per_node;
    if (!per_node) return;
    const std::int64_t needed = ceil_div(ranks_, per_node->value);
    const std::int64_t most = wishes_.nodes ? wishes_.nodes->value.max : needed;
    if (needed > most) {
      wishes_.warnings.push_back("--ntasks-per-node=" + std::to_string(per_node->value) +
                                 " is ignored: " + counted(ranks_, "task") + " do not fit on " +
                                 counted(most, "node") + " so");
      return;
    }
    if (needed <= nodes_) return;
    nodes_ = needed;
    nodes_by_ = per_node->by;
  }

  void find_gpus() {
    check_gpus();
    if (const auto& each = wishes_.gpus_per_task) {
      gpus_ = each->value.count;
      gpus_by_ = each->by;
      return;
    }
    const std::int64_t total = total_gpus();
    if (total == 0) return;
    gpus_by_ = wishes_.gpus ? wishes_.gpus->by : wishes_.gpus_per_node->by;
    gpus_ = ceil_div(total, ranks_);
    if (gpus_ * ranks_ == total) return;
    problems_.add(gpus_by_.place,
                  counted(total, "GPU") + " cannot be given to " + counted(ranks_, "task") +
                      " evenly: here each task has its own",
                  ranks_ > total ? "use as many tasks as GPUs, with more --cpus-per-task each"
                                 : "use a number of tasks that divides that of the GPUs",
                  Code::refused);
  }

  // Options that contradict each other.
  void check_gpus() {
    const auto& all = wishes_.gpus;
    const auto differ = [&](const Wished<GpuWish>& one, std::int64_t count) {
      if (!all || all->value.count == count) return;
      problems_.add(one.by.place, "--" + std::string(one.by.option->name) + " makes " +
                                      counted(count, "GPU") + ", but --gpus asks for " +
                                      std::to_string(all->value.count));
    };
    if (const auto& each = wishes_.gpus_per_node) differ(*each, each->value.count * nodes_);
    if (const auto& each = wishes_.gpus_per_task) differ(*each, each->value.count * ranks_);
    for (const auto* wish : {&wishes_.gpus, &wishes_.gpus_per_node, &wishes_.gpus_per_task})
      if (*wish && !(*wish)->value.type.empty()) gpu_type(**wish);
  }

  void gpu_type(const Wished<GpuWish>& wish) {
    if (!type_.empty() && type_ != wish.value.type)
      problems_.add(wish.by.place, "GPUs of several types: " + type_ + " and " + wish.value.type,
                    "ask for one of them", Code::refused);
    type_ = wish.value.type;
    wishes_.labels["gpu_type"] = {type_, wish.by};
  }

  void cpus_of_gpus(const Wished<std::int64_t>& per_gpu) {
    if (wishes_.cpus_per_task && wishes_.cpus_per_task->by.source >= per_gpu.by.source) {
      if (wishes_.cpus_per_task->by.source == per_gpu.by.source)
        problems_.add(per_gpu.by.place, "--cpus-per-gpu and --cpus-per-task exclude each other",
                      "keep one of them");
      return;
    }
    cpus_ = std::max<std::int64_t>(1, per_gpu.value * gpus_);
    cpus_ = bounded(cpus_, cpus_max, "cores a task", per_gpu.by);
    put("cpus_per_rank", cpus_, per_gpu.by);
  }

  void put_memory(const Wished<MemoryWish>& wish) {
    std::int64_t bytes = wish.value.bytes;
    if (wish.value.per == Per::node && bytes == 0) {  // all that the node has
      wishes_.keys["resources.exclusive"] = {"true", wish.by};
      return;
    }
    const std::int64_t times = wish.value.per == Per::cpu   ? cpus_
                               : wish.value.per == Per::gpu ? gpus_
                                                            : 1;
    if (times > 0 && bytes > memory_max / times)
      return problems_.add(wish.by.place, "a task has at most 1 PiB of memory");
    bytes = wish.value.per == Per::node ? bytes / ceil_div(ranks_, nodes_) : bytes * times;
    if (bytes > 0)
      wishes_.keys["resources.memory_per_rank"] = {"\"" + std::to_string(bytes) + "B\"", wish.by};
  }

  Wishes& wishes_;
  text::Problems& problems_;

  std::int64_t nodes_ = 1, ranks_ = 1, gpus_ = 0, cpus_ = 1;
  GivenOption nodes_by_, ranks_by_, gpus_by_;
  std::string type_;
};

}  // namespace

void put_resources(Wishes& wishes, text::Problems& problems) {
  ResourceWriter(wishes, problems).write();
}

}  // namespace sovren::slurm
