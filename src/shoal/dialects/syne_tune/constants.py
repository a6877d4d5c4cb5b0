"""Names that training scripts and tables share. The values are Syne Tune's."""

from __future__ import annotations

SYNE_TUNE_ENV_FOLDER = "SYNETUNE_FOLDER"
ST_CHECKPOINT_DIR = "st_checkpoint_dir"  # the argument that names a trial's directory for checkpoints
ST_CONFIG_JSON_FNAME_ARG = "st_config_json_filename"  # … and the JSON file of its config
ST_WORKER_ITER = "st_worker_iter"  # how often the trial reported before
ST_WORKER_TIMESTAMP = "st_worker_timestamp"  # seconds since 1970
ST_WORKER_TIME = "st_worker_time"  # seconds since its Reporter was made
ST_TUNER_TIME = "st_tuner_time"  # seconds since tuning began
ST_TUNER_CREATION_TIMESTAMP = "st_tuner_creation_timestamp"
ST_TRIAL_ID = "trial_id"
ST_STATUS = "st_status"
ST_DECISION = "st_decision"
ST_CRITERION = "st_stop_criterion"  # in the metadata: the bounds that reports reach
ST_METADATA_FILENAME = "metadata.json"
ST_DATETIME_FORMAT = "%Y-%m-%d-%H-%M-%S"
ST_METRIC_TAG = "tune-metric"
