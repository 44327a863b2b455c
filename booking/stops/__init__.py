"""Stopped clinics: 停诊 替诊 改诊."""
