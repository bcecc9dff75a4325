#!/bin/bash
# A SLURM array that restores a folder between its tasks:
#     sbatch --array=0-63 slurm.sh /shared/photos /shared/restored
# Run it again after failures or a time limit: only what is missing is done. Then:
#     mirnet cluster status /shared/restored
#SBATCH --job-name=mirnet
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@60
set -euo pipefail

source_folder=${1:?usage: slurm.sh SOURCE TARGET}
target_folder=${2:?usage: slurm.sh SOURCE TARGET}

# `auto` reads SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT
exec mirnet restore "$source_folder" -o "$target_folder" --recursive --shard auto \
    --threads "${SLURM_CPUS_PER_TASK:-1}"
